//! The tables that stand before a scan.

use super::super::header::{HUFFMAN, Header, QUANTIZATION, RESTART_INTERVAL};
use super::huffman::Table;

#[derive(Default)]
pub(super) struct Tables {
    /// By what coefficients are to be multiplied, in the order in which they are coded.
    pub(super) quantization: [Option<Box<[i16; 64]>>; 4],
    /// Codes of a block's mean.
    pub(super) mean: [Option<Table>; 4],
    /// Codes of its other coefficients.
    pub(super) detail: [Option<Table>; 4],
    /// Units of coding after which reading begins anew, or 0.
    pub(super) restart_interval: usize,
}

impl Tables {
    /// Reads the tables, or returns `None` where they are not plain.
    pub(super) fn read(header: &Header<'_>) -> Option<Self> {
        let mut tables = Self::default();
        for (marker, content) in &header.tables {
            let mut content = &header.bytes[content.clone()];
            match *marker {
                RESTART_INTERVAL => {
                    let interval = content.first_chunk::<2>()?;
                    tables.restart_interval = usize::from(u16::from_be_bytes(*interval));
                }
                QUANTIZATION => {
                    while let Some((&kind, rest)) = content.split_first() {
                        if kind > 3 {
                            return None; // 16 bits
                        }
                        let (values, rest) = rest.split_first_chunk::<64>()?;
                        tables.quantization[usize::from(kind)] =
                            Some(Box::new(values.map(i16::from)));
                        content = rest;
                    }
                }
                HUFFMAN => {
                    while let Some((&kind, rest)) = content.split_first() {
                        let (lengths, rest) = rest.split_first_chunk::<16>()?;
                        let count: usize = lengths.iter().map(|count| usize::from(*count)).sum();
                        let table = Table::read(lengths, rest)?;
                        let tables = match kind >> 4 {
                            0 => &mut tables.mean,
                            1 => &mut tables.detail,
                            _ => return None,
                        };
                        *tables.get_mut(usize::from(kind & 15))? = Some(table);
                        content = rest.get(count..)?;
                    }
                }
                _ => {}
            }
        }
        Some(tables)
    }
}
