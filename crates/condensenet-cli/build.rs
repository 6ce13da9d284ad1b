//! Tells the program which compiler made it, for the figures of `condensenet bench`.

use std::{env, process::Command};

fn main() {
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(compiler).arg("--version").output();
    let text = output
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let version = text.as_deref().and_then(|text| text.split(' ').nth(1));
    let version = version.unwrap_or("unknown").trim();
    println!("cargo::rustc-env=CONDENSENET_RUSTC={version}");
    println!("cargo::rerun-if-changed=build.rs");
}
