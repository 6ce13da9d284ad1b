//! `condensenet bench`.

use serde_json::Value;

use crate::support::*;

#[test]
fn every_form_of_a_network_is_timed() {
    let mut flops = Vec::new();
    for (form, device) in [
        ("session", "cpu"),
        ("forward", "Flex"),
        ("training", "Flex"),
    ] {
        let bench = run([
            "bench",
            "cifar_50",
            "--form",
            form,
            "--threads=2",
            "--batch=3",
            "--seconds=0.05",
            "--size=16x20",
            "--json",
        ]);
        let figures = json(&bench);
        assert_eq!(figures["form"], form);
        assert_eq!(figures["network"], "cifar_50");
        assert_eq!(figures["threads"], 2);
        assert_eq!(figures["batch"], 3);
        assert_eq!(figures["size"], serde_json::json!([16, 20]));
        let device_found = figures["device"].as_str().unwrap();
        assert!(device_found.contains(device), "{figures}");
        let number = |key: &str| figures[key].as_f64().unwrap();
        let (median, best) = (number("ms_per_image"), number("ms_best"));
        assert!(0.0 < best && best <= median, "{figures}");
        assert!((number("images_per_second") * median - 1e3).abs() < 1e-6);
        if cfg!(target_os = "linux") {
            assert!(number("peak_memory_mb") > 1.0, "{figures}");
        }
        flops.push(number("gflops") * median);
    }
    assert!((flops[0] - flops[1]).abs() < 1e-6 && flops[0] < flops[2]);
}

#[test]
fn a_run_is_timed_and_the_last_line_is_json() {
    let root = tempfile::tempdir().unwrap();
    train(root.path());
    let bench = run(["bench", path(root.path()), "--seconds=0.05"]);
    assert_done(&bench);
    let text = stdout(&bench);
    assert!(text.contains("form           session on cpu"), "{text}");
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["batch"], 1);
}

#[test]
fn the_same_cases_are_timed_on_every_device_that_is_named() {
    let root = tempfile::tempdir().unwrap();
    let table = root.path().join("figures.md");
    let options = "--threads=2 --batch=3 --seconds=0.05 --size=16x20 --devices=flex --output";
    let arguments = ["bench", "cifar_50"].into_iter().chain(options.split(' '));
    let bench = run(arguments.chain([path(&table)]));
    assert_done(&bench);
    let markdown = std::fs::read_to_string(&table).unwrap();
    assert_eq!(stdout(&bench), markdown);
    let cases = [
        "forward, training form",
        "forward, converted form",
        "forward, session",
        "training step",
        "loading 32x32 images",
    ];
    for says in cases
        .iter()
        .chain(&["3 image(s) of 16x20", "rustc 1.", "burn 0."])
    {
        assert!(
            markdown.contains(says),
            "`{says}` is missing in: {markdown}"
        );
    }

    let figures = std::fs::read_to_string(table.with_extension("json")).unwrap();
    let figures: Value = serde_json::from_str(&figures).unwrap();
    assert_eq!(figures["machine"]["threads"], 2);
    assert!(figures["machine"]["versions"]["burn"].is_string());
    assert_eq!(figures["devices"][0]["name"], "flex");
    assert!(figures["devices"][0]["trial"]["works"].is_object());
    let found = figures["figures"].as_array().unwrap();
    let found_cases = found.iter().map(|it| it["case"].as_str().unwrap());
    assert!(found_cases.eq(cases), "{figures:#}");
    for it in found {
        let number = |key: &str| it[key].as_f64().unwrap();
        assert!(number("calls") >= 5.0, "{it}");
        assert!(
            0.0 < number("ms_best") && number("ms_best") <= number("ms"),
            "{it}"
        );
        let [low, high] = [0, 1].map(|at| it["ms_quartiles"][at].as_f64().unwrap());
        assert!(low <= number("ms") && number("ms") <= high, "{it}");
    }
}
