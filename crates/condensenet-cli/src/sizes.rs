//! What a network is, and what both of its forms cost, in a few lines.

use std::io::Write;

use anyhow::Result;
use condensenet::{Complexity, Convention, Form, NetworkConfig, NetworkFile};

use crate::counted::counted;

/// Writes parameters and multiply-adds of both forms.
pub(crate) fn write_sizes(
    out: &mut dyn Write,
    network: &NetworkConfig,
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

/// Describes the network of a file in a line.
pub(crate) fn describe(file: &NetworkFile) -> String {
    let config = file.network.config();
    let dashed = |numbers: &[usize]| {
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        numbers.join("-")
    };
    format!(
        "{} in {} form, {} layers of growth {}, {}",
        config.kind(),
        file.network.form_name(),
        dashed(&config.layers_per_block),
        dashed(&config.growth_rates),
        counted(config.num_classes, "class"),
    )
}
