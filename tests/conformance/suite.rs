//! What a case is, and where it runs.

use condensenet::{
    burn::tensor::Device,
    device::{self, DeviceError},
};

use crate::comparison::Outputs;

/// The device under test, and the one that says what is right.
#[derive(Debug)]
pub(crate) struct Setting {
    /// As `--device` has it.
    pub(crate) name: String,
    pub(crate) tested: Device,
    pub(crate) reference: Device,
}

impl Setting {
    pub(crate) fn open(name: &str) -> Result<Self, DeviceError> {
        Ok(Self {
            name: name.to_owned(),
            tested: device::by_name(name)?,
            reference: device::by_name("flex")?,
        })
    }

    /// The family of the device under test, which decides the tolerance.
    pub(crate) fn family(&self) -> &str {
        self.name.split(':').next().unwrap_or(&self.name)
    }
}

/// What was found, and what was expected.
pub(crate) struct Results {
    pub(crate) found: Outputs,
    pub(crate) expected: Outputs,
}

type Compute = Box<dyn Fn(&Setting) -> Results>;

/// Something to compute, with a name.
pub(crate) struct Case {
    pub(crate) name: String,
    compute: Compute,
}

impl Case {
    /// A case that computes the same on both devices.
    pub(crate) fn same(
        name: impl Into<String>,
        compute: impl Fn(&Device, &mut Outputs) + 'static,
    ) -> Self {
        Self::between(name, move |setting| {
            let on = |device: &Device| {
                let mut outputs = Outputs::default();
                compute(device, &mut outputs);
                outputs
            };
            Results {
                found: on(&setting.tested),
                expected: on(&setting.reference),
            }
        })
    }

    /// A case that knows itself what is right, or takes something from one device to the other.
    pub(crate) fn between(
        name: impl Into<String>,
        compute: impl Fn(&Setting) -> Results + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            compute: Box::new(compute),
        }
    }

    pub(crate) fn run(&self, setting: &Setting) -> Results {
        (self.compute)(setting)
    }
}
