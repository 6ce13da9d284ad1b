//! What both forms of a network cost.

use std::io::Write;

use anyhow::Result;
use condensenet::{Complexity, CondenseNetConfig, Convention, Form};

/// Writes parameters and multiply-adds of both forms.
pub(crate) fn write_sizes(
    out: &mut dyn Write,
    network: &CondenseNetConfig,
    size: [usize; 2],
) -> Result<()> {
    writeln!(out, "form       parameters  multiply-adds")?;
    for (name, form) in [("training", Form::Training), ("converted", Form::CONVERTED)] {
        let complexity = Complexity::of(network, form, size)?;
        let params = complexity.stored_params();
        let multiply_adds = complexity.flops(Convention::MultiplyAdds);
        writeln!(out, "{name:9} {params:11} {multiply_adds:14}")?;
    }
    Ok(())
}
