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
