//! Help, manual and completions, which come from the same definitions.

use crate::support::*;

const COMMANDS: [&str; 15] = [
    "train",
    "evaluate",
    "predict",
    "convert",
    "import",
    "export",
    "summary",
    "report",
    "bench",
    "devices",
    "presets",
    "pretrained",
    "download",
    "completions",
    "man",
];

#[test]
fn every_command_explains_itself() {
    for command in COMMANDS {
        let help = run([command, "--help"]);
        assert_done(&help);
        assert!(stdout(&help).contains(&format!("Usage: condensenet {command}")));
    }
    let help = stdout(&run(["train", "-h"]));
    for heading in ["Data:", "Network:", "Recipe:", "Run:", "Output:"] {
        assert!(help.contains(heading), "{heading}");
    }
}

#[test]
fn nothing_is_colored_outside_of_a_terminal() {
    for arguments in [
        ["--help"].as_slice(),
        &["train", "--help"],
        &["fly"],
        &["evaluate", "nowhere", "cifar10"],
    ] {
        let output = run(arguments);
        let written = [output.stdout, output.stderr].concat();
        assert!(!written.contains(&0x1b), "{arguments:?}");
    }
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(["completions", shell]);
        assert_done(&script);
        let script = stdout(&script);
        for word in COMMANDS.iter().chain(&["condensation-factor"]) {
            assert!(script.contains(word), "{word} is missing for {shell}");
        }
    }
}

#[test]
fn every_command_has_a_page_in_the_manual() {
    let root = tempfile::tempdir().unwrap();
    assert_done(&run(["man", "--output", path(root.path())]));
    for command in COMMANDS {
        let page =
            std::fs::read_to_string(root.path().join(format!("condensenet-{command}.1"))).unwrap();
        assert!(page.contains(".TH"), "{command}");
    }
    let page = run(["man"]);
    assert_done(&page);
    let page = stdout(&page);
    let kept = std::fs::read_to_string(root.path().join("condensenet.1")).unwrap();
    for command in COMMANDS {
        assert!(
            page.contains(command) && kept.contains(command),
            "{command}"
        );
    }
}
