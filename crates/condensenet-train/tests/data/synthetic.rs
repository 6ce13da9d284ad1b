use condensenet_train::data::{Split, synthetic};

/// FNV-1a: enough to notice one byte.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn one_seed_draws_the_same_bytes_everywhere() {
    assert_eq!(
        hash(synthetic(Split::Train, 200, 0).pixels()),
        0xdbaa_5a50_68f9_975b
    );
    assert_eq!(
        hash(synthetic(Split::Test, 200, 0).pixels()),
        0x8084_0dee_d2e8_619e
    );
    assert_eq!(
        hash(synthetic(Split::Train, 200, 42).pixels()),
        0xecfd_942c_1bae_50bb
    );
}

#[test]
fn a_larger_set_starts_with_the_smaller_one() {
    assert_eq!(
        synthetic(Split::Test, 50, 5).take(20),
        synthetic(Split::Test, 20, 5)
    );
}

#[test]
fn no_image_is_drawn_twice_in_either_split() {
    let (train, test) = (
        synthetic(Split::Train, 300, 1),
        synthetic(Split::Test, 300, 1),
    );
    let mut images: Vec<&[u8]> = (0..300)
        .flat_map(|image| [train.image(image), test.image(image)])
        .collect();
    images.sort_unstable();
    images.dedup();
    assert_eq!(images.len(), 600);
}

#[test]
fn classes_are_equally_frequent_and_equally_bright() {
    let set = synthetic(Split::Train, 2000, 3);
    let mut brightness = [0.0; 10];
    for image in 0..set.len() {
        let sum: u64 = set.image(image).iter().map(|&pixel| u64::from(pixel)).sum();
        brightness[set.label(image) as usize] += sum as f64 / set.image_size() as f64 / 200.0;
    }
    // Colors are drawn alike for all classes; the mean over 200 images has a standard deviation
    // near 3.
    assert!(
        brightness.iter().all(|mean| (114.0..142.0).contains(mean)),
        "{brightness:?}"
    );
}
