use std::{collections::BTreeMap, fs, path::Path};

use burn::tensor::Device;
use condensenet_train::{
    Display, RunOptions,
    report::{RunsReport, WrittenReport},
};

use crate::support::{HOSTILE, begun, line, read, store_classes, write_metrics};

/// Elements of HTML that have no end.
const VOID: [&str; 3] = ["meta", "br", "link"];

/// Asserts that every tag that opens is closed, in order, and returns all tags.
#[track_caller]
fn tags(markup: &str) -> Vec<&str> {
    let (mut open, mut tags) = (Vec::new(), Vec::new());
    let mut rest = markup;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let end = rest.find('>').expect("a tag ends");
        let tag = &rest[..end];
        assert!(!tag.contains('<'), "a tag in a tag: {tag}");
        assert!(
            tag.matches('"').count().is_multiple_of(2),
            "an open quote: {tag}"
        );
        rest = &rest[end + 1..];
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "closed out of order");
        } else if !tag.ends_with('/') && !tag.starts_with('!') && !VOID.contains(&name) {
            open.push(name);
        }
        tags.push(tag);
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    tags
}

/// Asserts that nothing is asked for from outside.
#[track_caller]
fn assert_self_contained(markup: &str) {
    for tag in tags(markup) {
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        let fetches = [
            "script", "link", "img", "image", "iframe", "object", "embed", "use", "base",
        ];
        assert!(!fetches.contains(&name), "{tag}");
        let outside_of_quotes: String = tag.split('"').step_by(2).collect();
        for attribute in ["src", "href", "srcset", "action", "style", "data", "poster"] {
            let attribute = format!("{attribute}=");
            assert!(!outside_of_quotes.contains(&attribute), "{tag}");
        }
    }
    for fetch in ["@import", "url(", "@font-face"] {
        assert!(!markup.contains(fetch), "{fetch}");
    }
}

fn files(written: &WrittenReport) -> BTreeMap<String, String> {
    let pictures = written.pictures.iter();
    let all = pictures.chain([&written.page, &written.json]);
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    all.map(|path| {
        (
            name(path),
            fs::read_to_string(path).expect("it was written"),
        )
    })
    .collect()
}

#[test]
fn a_page_is_well_formed_complete_and_asks_nobody_for_anything() {
    let (root, run) = begun();
    let data = run.config().data.load().unwrap();
    let options = RunOptions {
        display: Display::Silent,
        ..RunOptions::new(Device::flex())
    };
    run.train(&data, &options).unwrap();
    store_classes(&run);
    let report = read(run.directory()).with_command("condensenet train --data 'a <b>'");
    let files = files(&report.write(&root.path().join("report")).unwrap());
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "class_errors.svg",
            "error.svg",
            "heat_map.svg",
            "kept_connections.svg",
            "kept_inputs.svg",
            "learning_rate.svg",
            "loss.svg",
            "report.html",
            "report.json"
        ]
    );
    for (name, content) in files.iter().filter(|(name, _)| !name.ends_with("json")) {
        assert_self_contained(content);
        assert!(content.contains("prefers-color-scheme:dark"), "{name}");
        assert!(!content.contains("<script"), "{name}");
    }
    let page = &files["report.html"];
    for said in [
        "--data &#39;a &#60;b&#62;&#39;",
        "Multiply-adds",
        "block 2",
        "&lt;/text&gt;",
    ] {
        assert!(page.contains(said), "`{said}` is missing");
    }
    let json: serde_json::Value = serde_json::from_str(&files["report.json"]).unwrap();
    assert_eq!(json["evaluations"][0]["class_names"][1], HOSTILE);
    // As text: reading JSON may round a number's last bit.
    let written = serde_json::to_string_pretty(&report).unwrap();
    assert!(files["report.json"] == written);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let (root, run) = begun();
    write_metrics(&run, &(line(1, 2.0, 70.0) + &line(2, 1.5, 40.0)));
    store_classes(&run);
    let write = |name: &str| {
        let written = read(run.directory()).write(&root.path().join(name));
        files(&written.unwrap())
    };
    assert_eq!(write("one"), write("two"));
}

#[test]
fn a_comparison_is_well_formed_and_names_its_runs() {
    let (root, run) = begun();
    let (_other, second) = begun();
    write_metrics(&run, &(line(1, 2.0, 70.0) + &line(2, 1.5, 40.0)));
    write_metrics(&second, &line(1, 2.0, 55.0));
    let directories = [run.directory().into(), second.directory().into()];
    let report = RunsReport::read(&directories, &Device::flex()).unwrap();
    let files = files(&report.write(&root.path().join("comparison")).unwrap());
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "comparison.html",
            "comparison.json",
            "error_over_epochs.svg",
            "error_over_multiply_adds.svg"
        ]
    );
    for (_, content) in files.iter().filter(|(name, _)| !name.ends_with("json")) {
        assert_self_contained(content);
    }
    for run in &report.runs {
        assert!(files["error_over_multiply_adds.svg"].contains(&run.name));
    }
}
