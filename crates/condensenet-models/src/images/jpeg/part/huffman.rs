//! From bits to coefficients.

use super::bits::Bits;

/// Bits that are looked up at once; rarer codes are longer.
const LOOKED_UP: u32 = 10;

/// The codes of one table.
pub(super) struct Table {
    /// By the next bits: see [`Entry`].
    entries: Vec<Entry>,
    /// The first code of each length, aligned to 16 bits, that is beyond the codes of this length.
    beyond: [u32; 18],
    /// What added to a code of each length gives its place among the symbols.
    offsets: [i32; 17],
    symbols: [u8; 256],
}

/// What the next bits mean.
#[derive(Clone, Copy, Default)]
struct Entry {
    /// The value, if it lies within the bits that were looked up, else 0.
    value: i16,
    /// Bits of the code, and of the value if it is there; 0 for a code that is longer.
    bits: u8,
    /// Coefficients of zero before it, in the upper four bits; bits of the value in the lower.
    symbol: u8,
}

impl Table {
    /// Reads a table: how many codes have each length, and what they stand for.
    pub(super) fn read(lengths: &[u8; 16], content: &[u8]) -> Option<Self> {
        let count: usize = lengths.iter().map(|count| usize::from(*count)).sum();
        let mut table = Self {
            entries: vec![Entry::default(); 1 << LOOKED_UP],
            beyond: [0; 18],
            offsets: [0; 17],
            symbols: [0; 256],
        };
        table
            .symbols
            .get_mut(..count)?
            .copy_from_slice(content.get(..count)?);
        let (mut code, mut at) = (0_u32, 0_usize);
        for length in 1..=16_u32 {
            let of_length = u32::from(lengths[length as usize - 1]);
            if code + of_length > 1 << length {
                return None;
            }
            table.offsets[length as usize] = at as i32 - code as i32;
            for _ in 0..of_length {
                if length <= LOOKED_UP {
                    let free = LOOKED_UP - length;
                    let first = (code << free) as usize;
                    for (rest, entry) in table.entries[first..first + (1 << free)]
                        .iter_mut()
                        .enumerate()
                    {
                        *entry = Entry::of(table.symbols[at], length, rest as u32, free);
                    }
                }
                code += 1;
                at += 1;
            }
            table.beyond[length as usize] = code << (16 - length);
            code <<= 1;
        }
        table.beyond[17] = u32::MAX;
        Some(table)
    }

    /// Takes a symbol and its value: the zeros before it in the symbol's upper half, the value's bits in the lower.
    #[inline(always)]
    pub(super) fn next(&self, bits: &mut Bits<'_>) -> Option<(u8, i32)> {
        bits.refill();
        let entry = self.entries[bits.peek(LOOKED_UP) as usize];
        if entry.value != 0 {
            bits.skip(u32::from(entry.bits));
            return Some((entry.symbol, i32::from(entry.value)));
        }
        let symbol = if entry.bits != 0 {
            bits.skip(u32::from(entry.bits));
            entry.symbol
        } else {
            self.long(bits)?
        };
        let size = u32::from(symbol & 15);
        if size == 0 {
            return Some((symbol, 0));
        }
        let value = extend(bits.peek(size), size);
        bits.skip(size);
        Some((symbol, value))
    }

    #[inline(never)]
    fn long(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let next = bits.peek(16);
        let length = (LOOKED_UP + 1..=16).find(|length| next < self.beyond[*length as usize])?;
        let place = (next >> (16 - length)) as i32 + self.offsets[length as usize];
        bits.skip(length);
        self.symbols.get(usize::try_from(place).ok()?).copied()
    }
}

impl Entry {
    /// The entry of a code that `rest` of `free` bits follow.
    fn of(symbol: u8, length: u32, rest: u32, free: u32) -> Self {
        let size = u32::from(symbol & 15);
        let inside = size > 0 && size <= free;
        Self {
            value: if inside {
                extend(rest >> (free - size), size) as i16
            } else {
                0
            },
            bits: (length + if inside { size } else { 0 }) as u8,
            symbol,
        }
    }
}

/// The number that so many bits stand for: the lower half are negative.
#[inline(always)]
fn extend(bits: u32, size: u32) -> i32 {
    let bits = bits as i32;
    if bits < 1 << (size - 1) {
        bits - (1 << size) + 1
    } else {
        bits
    }
}
