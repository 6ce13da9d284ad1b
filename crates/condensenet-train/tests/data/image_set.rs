use condensenet_train::data::{DataError, ImageSet};

use crate::probe;

#[test]
fn images_and_labels_are_found_by_index() {
    let set = probe(9, 4, 5);
    assert_eq!(
        (set.len(), set.height(), set.width(), set.class_count()),
        (9, 4, 5, 7)
    );
    assert_eq!(set.image(2)[..3], [62, 63, 64]);
    assert_eq!(set.image(8).len(), 60);
    assert_eq!(set.label(8), 1);
}

#[test]
fn take_keeps_the_first_images_and_all_classes() {
    let set = probe(9, 4, 5);
    let first = set.clone().take(3);
    assert_eq!(first.len(), 3);
    assert_eq!(first.pixels(), &set.pixels()[..3 * 60]);
    assert_eq!(first.labels(), [0, 1, 2]);
    assert_eq!(first.class_count(), 7);
    assert_eq!(set.clone().take(100), set);
    assert!(set.take(0).is_empty());
}

#[test]
fn inconsistent_sets_are_refused_with_the_values_that_disagree() {
    let names = || vec!["one".to_owned(), "two".to_owned()];
    let message = |set: Result<ImageSet, DataError>| set.unwrap_err().to_string();
    assert_eq!(
        message(ImageSet::new(vec![0; 119], vec![0, 1], names(), 4, 5)),
        "2 images of 3 x 4 x 5 have 120 bytes, found 119"
    );
    assert_eq!(
        message(ImageSet::new(vec![0; 120], vec![0, 2], names(), 4, 5)),
        "image 1 has the label 2, but there are 2 classes"
    );
    assert_eq!(
        message(ImageSet::new(vec![], vec![0], names(), 0, 5)),
        "images of 0 x 5 have no pixels"
    );
}
