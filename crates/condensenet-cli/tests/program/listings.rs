//! `condensenet devices` and `condensenet presets`.

use crate::support::*;

#[test]
fn devices_and_presets_are_listed() {
    let devices = run(["devices"]);
    assert_done(&devices);
    assert!(
        stdout(&devices).contains("flex:0      computes"),
        "{}",
        stdout(&devices)
    );
    let presets = run(["presets"]);
    assert_done(&presets);
    let presets = stdout(&presets);

    for says in [
        "cifar_86",
        "65.8 M",
        "CIFAR-100 23.64 %",
        "ImageNet 29.0 % (top-5 10.0 %)",
    ] {
        assert!(presets.contains(says), "`{says}` is missing in: {presets}");
    }
}

#[test]
fn listings_are_json_for_machines() {
    let devices = json(&run(["devices", "--json"]));
    assert_eq!(devices["flex"][0]["name"], "flex:0");
    assert!(devices["flex"][0]["trial"]["works"].is_object());
    let presets = json(&run(["presets", "--json"]));
    let presets = presets.as_array().unwrap();
    let preset = presets
        .iter()
        .find(|preset| preset["name"] == "imagenet_74_c8")
        .unwrap();
    assert_eq!(preset["network"]["groups_1x1"], 8);
    assert_eq!(preset["results"][0]["top5_error"], 10.0);
}
