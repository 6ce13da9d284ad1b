use std::fs;

use crate::support::{EVALUATION, METRICS, begun, line, read, refusal, write_metrics};

#[test]
fn a_run_that_has_not_begun_has_a_report_that_says_so() {
    let (root, run) = begun();
    let report = read(run.directory());
    assert!(report.final_epoch.is_none() && report.connections.is_none());
    let said = report.missing.join("\n");
    for part in ["No epoch is done", "no checkpoint", "No evaluation"] {
        assert!(said.contains(part), "`{part}` is missing in: {said}");
    }
    let written = report.write(&root.path().join("report")).unwrap();
    let page = fs::read_to_string(written.page).unwrap();
    assert!(page.contains("No epoch is done") && page.contains("not begun"));
}

#[test]
fn an_epoch_without_validation_leaves_a_gap_and_a_sentence() {
    let (root, run) = begun();
    let without = "{\"epoch\":1,\"seconds\":1.0,\"train\":{\"loss\":null},\"valid\":{}}\n";
    write_metrics(&run, without);
    let report = read(run.directory());
    assert!(report.best_epoch.is_none());
    let said = report.missing.join("\n");
    assert!(said.contains("No epoch has a validation error"), "{said}");
    assert!(said.contains("loss is no number"), "{said}");
    report.write(&root.path().join("report")).unwrap();
}

#[test]
fn a_last_line_cut_short_is_left_out_and_told() {
    let (_root, run) = begun();
    let whole = line(1, 2.0, 70.0);
    write_metrics(&run, &format!("{whole}{}", &whole[..40]));
    let report = read(run.directory());
    assert_eq!(report.epochs.len(), 1);
    assert!(
        report.missing.join("\n").contains("line 2"),
        "{:?}",
        report.missing
    );
}

#[test]
fn a_corrupt_line_is_refused_with_file_and_line() {
    let good = line(1, 2.0, 70.0);
    let wrong_type = good.replace("1.5", "\"soon\"");
    for bad in [
        "{\"epoch\":2,\n",
        "7\n",
        "\u{0}\u{1}\n",
        wrong_type.as_str(),
    ] {
        let (_root, run) = begun();
        write_metrics(&run, &format!("{good}{bad}{good}"));
        let said = refusal(run.directory());
        assert!(
            said.contains(METRICS) && said.contains("line 2"),
            "{bad}: {said}"
        );
    }
}

#[test]
fn a_corrupt_evaluation_is_refused_with_its_file() {
    for (bad, says) in [
        ("[{\"form\":", "line 1"),
        ("{\"form\":\"training\"}", "top1_error"),
        ("{\"form\":\"sideways\",\"top1_error\":1.0}", "`sideways`"),
        (
            "{\"form\":\"training\",\"top1_error\":1.0,\"class_names\":[\"cat\"],\"class_errors\":[1.0,2.0]}",
            "class_errors has 2 entries, class_names 1",
        ),
    ] {
        let (_root, run) = begun();
        fs::write(run.directory().join(EVALUATION), bad).unwrap();
        let said = refusal(run.directory());
        assert!(said.contains(EVALUATION) && said.contains(says), "{said}");
    }
}

#[test]
fn a_directory_without_a_run_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let said = refusal(root.path());
    assert!(said.contains("run.json"), "{said}");
    assert!(said.contains(&root.path().display().to_string()), "{said}");
}
