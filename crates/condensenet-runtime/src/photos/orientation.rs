//! Finds out how the camera was held, by the rules of Pillow's `exif_transpose`.

use image::metadata::Orientation;

/// The tag of the orientation in EXIF.
const TAG: u16 = 0x112;
const TAG_IN_XMP: &[u8] = b"tiff:Orientation";

/// Reads the orientation out of EXIF, or, where EXIF does not mention it, out of XMP.
///
/// What is absent or nonsense leaves a photo as it is stored, as in viewers.
pub(super) fn orientation(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Orientation {
    exif.and_then(in_exif)
        .or_else(|| xmp.and_then(in_xmp))
        .and_then(Orientation::from_exif)
        .unwrap_or(Orientation::NoTransforms)
}

/// Returns the orientation that an EXIF block states; 0 for a value of a wrong type.
///
/// `image` reads it too, but only as a SHORT; some cameras and editors write a LONG.
fn in_exif(mut block: &[u8]) -> Option<u8> {
    while let Some(rest) = block.strip_prefix(b"Exif\0\0") {
        block = rest;
    }
    let little = match block.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let bytes = block.get(at..)?.first_chunk()?;
        Some(match little {
            true => u16::from_le_bytes(*bytes),
            false => u16::from_be_bytes(*bytes),
        })
    };
    let long = |at: usize| -> Option<u32> {
        let bytes = block.get(at..)?.first_chunk()?;
        Some(match little {
            true => u32::from_le_bytes(*bytes),
            false => u32::from_be_bytes(*bytes),
        })
    };
    let directory = long(4)? as usize;
    (0..usize::from(short(directory)?))
        .map_while(|entry| {
            let at = directory + 2 + 12 * entry;
            long(at + 8)?; // the entry is whole
            Some(at)
        })
        .filter(|at| short(*at) == Some(TAG))
        .last()
        .map(|at| {
            let value = match (short(at + 2), long(at + 4)) {
                (Some(3 | 8), Some(1)) => short(at + 8).map(u32::from), // SHORT, SSHORT
                (Some(4 | 9), Some(1)) => long(at + 8),                 // LONG, SLONG
                _ => None,
            };
            value.and_then(|value| value.try_into().ok()).unwrap_or(0)
        })
}

/// Returns the digit behind `tiff:Orientation="` or `<tiff:Orientation>`.
fn in_xmp(text: &[u8]) -> Option<u8> {
    text.windows(TAG_IN_XMP.len())
        .enumerate()
        .filter(|(_, found)| *found == TAG_IN_XMP)
        .find_map(|(at, _)| match &text[at + TAG_IN_XMP.len()..] {
            [b'=', b'"', digit, ..] | [b'>', digit, ..] if digit.is_ascii_digit() => {
                Some(digit - b'0')
            }
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF block with the orientation alone.
    fn block(little: bool, kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
        let short = |value: u16| match little {
            true => value.to_le_bytes(),
            false => value.to_be_bytes(),
        };
        let long = |value: u32| match little {
            true => value.to_le_bytes(),
            false => value.to_be_bytes(),
        };
        let mut bytes = if little { *b"II*\0" } else { *b"MM\0*" }.to_vec();
        bytes.extend(long(8));
        bytes.extend(short(1));
        bytes.extend(short(TAG));
        bytes.extend(short(kind));
        bytes.extend(long(count));
        bytes.extend(value);
        bytes.extend(long(0));
        bytes
    }

    #[test]
    fn exif_states_the_orientation_as_short_or_long_in_either_byte_order() {
        for (little, kind, value) in [
            (true, 3, [6, 0, 0, 0]),
            (true, 4, [6, 0, 0, 0]),
            (false, 3, [0, 6, 0, 0]),
            (false, 4, [0, 0, 0, 6]),
        ] {
            let exif = block(little, kind, 1, value);
            let found = orientation(Some(&exif), None);
            assert_eq!(found, Orientation::Rotate90, "{little} {kind}");
            let marked = [b"Exif\0\0", &exif[..]].concat();
            assert_eq!(orientation(Some(&marked), None), Orientation::Rotate90);
            for length in 0..exif.len() - 4 {
                let cut = orientation(Some(&exif[..length]), None);
                assert_eq!(cut, Orientation::NoTransforms, "{length} bytes");
            }
        }
    }

    #[test]
    fn xmp_counts_only_where_exif_does_not_mention_the_orientation() {
        let xmp: [&[u8]; 2] = [
            br#"tiff:Orientation is <rdf tiff:Orientation="8">"#,
            b"<tiff:Orientation>8</tiff:Orientation>",
        ];
        let nonsense = block(true, 3, 1, [77, 0, 0, 0]);
        let of_wrong_type = block(true, 2, 1, [6, 0, 0, 0]);
        let without = block(true, 3, 1, [6, 0, 0, 0])
            .into_iter()
            .map(|byte| if byte == 0x12 { 0x13 } else { byte })
            .collect::<Vec<_>>();
        for xmp in xmp {
            assert_eq!(orientation(None, Some(xmp)), Orientation::Rotate270);
            let silent = orientation(Some(&without), Some(xmp));
            assert_eq!(silent, Orientation::Rotate270);
            for exif in [&nonsense, &of_wrong_type] {
                let found = orientation(Some(exif), Some(xmp));
                assert_eq!(found, Orientation::NoTransforms);
            }
        }
    }
}
