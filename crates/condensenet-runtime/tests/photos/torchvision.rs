//! torchvision's transforms are the oracle: networks are trained and measured with them.

use condensenet_runtime::photos::{PhotoReader, Window};
use condensenet_runtime::{Normalization, Preprocess, RgbImage};

use crate::{difference, fixture, json};

/// What is allowed of the whole way from file to pixels, of 255.
const MEAN: f64 = 1.0;
const WORST: u8 = 4;

fn number(value: &serde_json::Value) -> usize {
    value.as_u64().expect("a number") as usize
}

/// Compares what a reader makes of a photo with the PNG that torchvision made of it.
fn compare(
    case: &serde_json::Value,
    size: [usize; 2],
    window: impl Fn(usize, usize) -> Window,
    faults: &mut Vec<String>,
) {
    let name = case["photo"].as_str().expect("a name");
    let expected = fixture(case["expected"].as_str().expect("a name"));
    let expected = RgbImage::open(expected).expect("the fixture is readable");
    let mut output = vec![0; size[0] * size[1] * 3];
    let mut reader = PhotoReader::default();
    reader
        .read(fixture(name), window, size, &mut output)
        .expect("the fixture is readable");
    let (mean, worst) = difference(&output, expected.pixels());
    // A PNG leaves nothing to differ in but the rounding of the resize.
    let (mean_allowed, worst_allowed) = if name.ends_with("png") {
        (0.3, 1)
    } else {
        (MEAN, WORST)
    };
    if mean > mean_allowed || worst > worst_allowed {
        faults.push(format!("{case}: differs by {mean:.2}, at most {worst}"));
    }
}

#[test]
fn resize_and_center_crop_agree_with_torchvision() {
    let mut faults = Vec::new();
    for case in json("transformed.json")["center"]
        .as_array()
        .expect("a list")
    {
        let size = number(&case["size"]);
        let preprocess =
            Preprocess::new(number(&case["shorter_side"]), size, Normalization::IMAGENET);
        let window = |width, height| preprocess.window(width, height);
        compare(case, [size, size], window, &mut faults);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_box_cut_and_resized_agrees_with_torchvision() {
    let mut faults = Vec::new();
    for case in json("transformed.json")["boxes"]
        .as_array()
        .expect("a list")
    {
        let [left, top, width, height] = [0, 1, 2, 3].map(|at| number(&case["box"][at]));
        let size = [0, 1].map(|at| number(&case["size"][at]));
        compare(
            case,
            size,
            |_, _| Window::cut(left, top, width, height),
            &mut faults,
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
