//! `condensenet completions`: so that a shell knows every option.

use std::io::Write;

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Arguments;

/// The options of `condensenet completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "bash:  condensenet completions bash > ~/.local/share/bash-completion/completions/condensenet\n\
    zsh:   condensenet completions zsh > ~/.zfunc/_condensenet      (with ~/.zfunc in fpath)\n\
    fish:  condensenet completions fish > ~/.config/fish/completions/condensenet.fish"
)]
pub(crate) struct Completions {
    /// Shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    /// Writes the script.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut Arguments::command(),
            "condensenet",
            &mut script,
        );
        out.write_all(&script)?;
        Ok(())
    }
}
