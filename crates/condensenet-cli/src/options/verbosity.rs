//! How much the program says beside its results.

use clap::{ArgAction, Args};

/// `-v` and `-q`, before or after the command.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Verbosity {
    /// Say more on standard error; -vv still more
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output", display_order = 900)]
    verbose: u8,
    /// Say less: no progress, and errors only
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Output",
        display_order = 901
    )]
    quiet: bool,
}

impl Verbosity {
    /// Says whether progress is unwanted.
    pub(crate) const fn is_quiet(self) -> bool {
        self.quiet
    }

    /// What is let through of the libraries' messages, as `RUST_LOG` would say it.
    ///
    /// What WGPU's drivers say while they are looked for is no error of anybody's: it is for `-v`.
    pub(crate) const fn filter(self) -> &'static str {
        match (self.quiet, self.verbose) {
            (true, _) => "error,wgpu_hal=off",
            (false, 0) => "warn,wgpu_hal=off",
            (false, 1) => {
                "warn,condensenet=info,condensenet_core=info,condensenet_models=info,condensenet_train=info"
            }
            (false, _) => "debug",
        }
    }
}
