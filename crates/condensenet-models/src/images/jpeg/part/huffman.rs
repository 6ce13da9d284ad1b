//! From bits to coefficients.

use super::bits::Bits;

/// Bits that are looked up at once; rarer codes are longer.
const LOOKED_UP: u32 = 10;

/// The codes of one table.
pub(super) struct Table {
    /// By the next bits: see [`Entry`].
    entries: Box<[Entry; 1 << LOOKED_UP]>,
    /// The first code of each length, aligned to 16 bits, that is beyond the codes of this length.
    beyond: [u32; 18],
    /// What added to a code of each length gives its place among the symbols.
    offsets: [i32; 17],
    symbols: [u8; 256],
}

/// What the next bits mean, in one word: the value in the upper 16 bits, if it lies within the bits that were looked up, else
/// 0; then the symbol; then the bits of the code, and of the value if it is there, or 0 for a code that is longer.
#[derive(Clone, Copy, Default)]
struct Entry(u32);

impl Table {
    /// Reads a table: how many codes have each length, and what they stand for.
    pub(super) fn read(lengths: &[u8; 16], content: &[u8]) -> Option<Self> {
        let count: usize = lengths.iter().map(|count| usize::from(*count)).sum();
        let mut table = Self {
            entries: Box::new([Entry::default(); 1 << LOOKED_UP]),
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
        let length = entry.0 & 0xFF;
        if entry.value() != 0 {
            bits.skip(length);
            return Some((entry.symbol(), entry.value()));
        }
        let symbol = if length != 0 {
            bits.skip(length);
            entry.symbol()
        } else {
            let (symbol, length) = self.long(bits.peek(16))?;
            bits.skip(length);
            symbol
        };
        let size = u32::from(symbol & 15);
        if size == 0 {
            return Some((symbol, 0));
        }
        let value = extend(bits.peek(size), size);
        bits.skip(size);
        Some((symbol, value))
    }

    /// Returns the symbol of a long code, and its length.
    #[inline(never)]
    fn long(&self, next: u32) -> Option<(u8, u32)> {
        let length = (LOOKED_UP + 1..=16).find(|length| next < self.beyond[*length as usize])?;
        let place = (next >> (16 - length)) as i32 + self.offsets[length as usize];
        let symbol = self.symbols.get(usize::try_from(place).ok()?)?;
        Some((*symbol, length))
    }
}

impl Entry {
    /// The entry of a code that `rest` of `free` bits follow.
    fn of(symbol: u8, length: u32, rest: u32, free: u32) -> Self {
        let size = u32::from(symbol & 15);
        let inside = size > 0 && size <= free;
        let value = if inside {
            extend(rest >> (free - size), size)
        } else {
            0
        };
        let length = length + if inside { size } else { 0 };
        Self((value as u32) << 16 | u32::from(symbol) << 8 | length)
    }

    #[inline(always)]
    fn value(self) -> i32 {
        (self.0 as i32) >> 16
    }

    #[inline(always)]
    fn symbol(self) -> u8 {
        (self.0 >> 8) as u8
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
