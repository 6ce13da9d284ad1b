//! Writes zip archives as PyTorch does: nothing packed, each file's bytes at a multiple of 64, which a field of filler in
//! its header sees to, and sizes behind the bytes instead of in the header.

use std::io::{Cursor, Read as _};

/// Files by their paths inside of the folder that is called like the archive.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// The files of an archive that PyTorch wrote.
pub(crate) fn files(archive: &[u8]) -> Files {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).expect("an archive");
    let count = archive.len();
    let file = |at| {
        let mut file = archive.by_index(at).expect("a file");
        let path = file.name().expect("a path").into_owned();
        let (_, inner) = path.split_once('/').expect("a folder");
        let mut data = Vec::new();
        file.read_to_end(&mut data).expect("its bytes");
        (inner.to_owned(), data)
    };
    (0..count).map(file).collect()
}

/// The archive that `torch.save` writes into a file of this name.
pub(crate) fn as_pytorch_writes(name: &str, files: &Files) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (inner, data) in files {
        let path = format!("{name}/{inner}");
        let start = archive.len();
        // The filler's own header has 4 bytes. So it may be empty.
        let filler = (64 - (start + 30 + path.len() + 4) % 64) % 64;
        let (size, flags) = (data.len() as u32, 0x0808_u16);
        let checksum = 0_u32;
        archive.extend(b"PK\x03\x04\x00\x00");
        archive.extend(flags.to_le_bytes());
        archive.extend([0; 18]);
        archive.extend((path.len() as u16).to_le_bytes());
        archive.extend((filler as u16 + 4).to_le_bytes());
        archive.extend(path.as_bytes());
        archive.extend(b"FB");
        archive.extend((filler as u16).to_le_bytes());
        archive.extend(std::iter::repeat_n(b'Z', filler));
        assert!(archive.len().is_multiple_of(64));
        archive.extend(data);
        archive.extend(b"PK\x07\x08");
        archive.extend([checksum, size, size].map(u32::to_le_bytes).concat());

        directory.extend(b"PK\x01\x02\x00\x00\x00\x00");
        directory.extend(flags.to_le_bytes());
        directory.extend([0; 6]);
        directory.extend([checksum, size, size].map(u32::to_le_bytes).concat());
        directory.extend((path.len() as u16).to_le_bytes());
        directory.extend([0; 12]);
        directory.extend((start as u32).to_le_bytes());
        directory.extend(path.as_bytes());
    }
    let (start, count) = (archive.len() as u32, files.len() as u16);
    let size = directory.len() as u32;
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\x00\x00\x00\x00");
    archive.extend([count, count].map(u16::to_le_bytes).concat());
    archive.extend([size, start].map(u32::to_le_bytes).concat());
    archive.extend([0; 2]);
    archive
}
