//! Whether the optimizer state of a checkpoint belongs to its network.
//!
//! Burn keeps the state by parameter. It begins anew without a word where it finds none, and panics where the state has
//! another shape; so state and network are compared before Burn sees them.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{Bytes, Tensor},
};
use burn_pack::Reader;

/// The suffix under which Burn writes the number of dimensions of a parameter.
const RANK: &str = ".__rank";

/// Says what in an optimizer's file does not fit the parameters of a model.
///
/// # Errors
/// Fails, naming the parameter, if the file is unreadable, has state of another shape or of a parameter that the model lacks,
/// or, with `has_momentum`, lacks the state of a parameter.
pub(crate) fn check(bytes: Vec<u8>, model: &impl Module, has_momentum: bool) -> Result<(), String> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(|e| e.to_string())?;
    let mut parameters = Parameters::default();
    model.visit(&mut parameters);
    let mut trained = parameters.trained;

    for (key, value) in reader.scalars() {
        let Some(id) = key.strip_suffix(RANK) else {
            continue;
        };
        let known = id.parse().ok().and_then(|id: u64| trained.get(&id));
        let (path, shape) = known.ok_or_else(|| unknown(id))?;
        if usize::try_from(*value) != Ok(shape.len()) {
            return Err(format!(
                "{path}: has state of {value:?} dimensions, the parameter has {}",
                shape.len()
            ));
        }
    }
    for tensor in reader.into_tensors().map_err(|e| e.to_string())? {
        let known = tensor.param_id.and_then(|id| trained.remove(&id));
        let (path, shape) = known.ok_or_else(|| unknown(&tensor.name))?;
        let found = tensor.shape.to_vec();
        if found != shape {
            return Err(format!(
                "{path}: has state of shape {found:?}, the parameter has {shape:?}"
            ));
        }
    }
    match trained.into_values().next() {
        Some((path, _)) if has_momentum => Err(format!("{path}: has no state")),
        _ => Ok(()),
    }
}

fn unknown(name: &str) -> String {
    format!("has state {name}, which belongs to no parameter of the network")
}

/// Collects path and shape of every parameter that is trained, by its id.
#[derive(Default)]
struct Parameters {
    path: Vec<String>,
    trained: BTreeMap<u64, (String, Vec<usize>)>,
}

impl ModuleVisitor for Parameters {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        if tensor.is_require_grad() {
            let shape = tensor.dims().to_vec();
            self.trained
                .insert(param.id.val(), (self.path.join("."), shape));
        }
    }

    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }
}
