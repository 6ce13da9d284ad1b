//! Named numbers, and how far two lists of them are apart.

use condensenet::burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{Bool, Gradients, Int, Tensor},
};

use crate::tolerance::Depth;

/// Numbers with a name and a shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Output {
    pub(crate) what: String,
    pub(crate) depth: Depth,
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// What a case computed.
#[derive(Debug, Default)]
pub(crate) struct Outputs(pub(crate) Vec<Output>);

impl Outputs {
    /// Adds plain numbers.
    pub(crate) fn numbers(&mut self, what: impl Into<String>, depth: Depth, values: Vec<f64>) {
        self.0.push(Output {
            what: what.into(),
            depth,
            shape: vec![values.len()],
            values,
        });
    }

    /// Adds a tensor.
    pub(crate) fn tensor<const D: usize>(
        &mut self,
        what: impl Into<String>,
        depth: Depth,
        tensor: Tensor<D>,
    ) {
        self.0.push(Output {
            what: what.into(),
            depth,
            shape: tensor.dims().to_vec(),
            values: tensor.into_data().iter().collect(),
        });
    }

    /// Adds every parameter and statistic of a module; integers and masks have to be equal.
    pub(crate) fn parameters(&mut self, depth: Depth, module: &impl Module) {
        let mut parameters = Parameters {
            path: Vec::new(),
            depth,
            outputs: self,
        };
        module.visit(&mut parameters);
    }

    /// Adds the gradient of every parameter of a module that has one.
    pub(crate) fn gradients(&mut self, depth: Depth, module: &impl Module, all: &Gradients) {
        let before = self.0.len();
        let mut gradients = ParameterGradients {
            path: Vec::new(),
            depth,
            all,
            outputs: self,
        };
        module.visit(&mut gradients);
        assert!(self.0.len() > before, "no parameter has a gradient");
    }
}

/// Returns the largest difference relative to the largest value expected, or what makes them incomparable.
pub(crate) fn deviation(found: &Output, expected: &Output) -> Result<f64, String> {
    if (&found.what, &found.shape) != (&expected.what, &expected.shape) {
        return Err(format!(
            "{} {:?} where {} {:?} was expected",
            found.what, found.shape, expected.what, expected.shape
        ));
    }
    let largest = expected.values.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let differences = found.values.iter().zip(&expected.values);
    let mut worst: f64 = 0.0;
    for (&found, &expected) in differences {
        let difference = (found - expected).abs();
        if difference.is_nan() {
            return Err(format!("found {found} where {expected} was expected"));
        }
        worst = worst.max(difference);
    }
    Ok(if worst == 0.0 { 0.0 } else { worst / largest })
}

struct Parameters<'a> {
    path: Vec<String>,
    depth: Depth,
    outputs: &'a mut Outputs,
}

impl ModuleVisitor for Parameters<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let what = self.path.join(".");
        self.outputs.tensor(what, self.depth, param.val());
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        let data = param.val().into_data();
        let values = data.iter::<i64>().map(|value| value as f64).collect();
        self.outputs
            .numbers(self.path.join("."), Depth::Exact, values);
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        let data = param.val().into_data();
        let values = data.iter::<bool>().map(f64::from).collect();
        self.outputs
            .numbers(self.path.join("."), Depth::Exact, values);
    }
}

struct ParameterGradients<'a> {
    path: Vec<String>,
    depth: Depth,
    all: &'a Gradients,
    outputs: &'a mut Outputs,
}

impl ModuleVisitor for ParameterGradients<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.all) {
            let what = format!("gradient of {}", self.path.join("."));
            self.outputs.tensor(what, self.depth, gradient);
        }
    }
}
