//! Colors, where somebody watches and wants them.

use std::{env, io::IsTerminal};

use clap::builder::styling::{AnsiColor, Style, Styles};

/// How help looks; clap leaves the colors out where no terminal shows them.
pub(crate) const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Returns a word as standard error should show it: bold and colored in a terminal, unless `NO_COLOR` is set.
pub(crate) fn on_stderr(word: &str, color: AnsiColor) -> String {
    let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    let style = if unwanted || !std::io::stderr().is_terminal() {
        Style::new()
    } else {
        color.on_default().bold()
    };
    format!("{style}{word}{style:#}")
}
