//! From bits to coefficients.

use super::bits::Bits;

/// Bits that are looked up at once; rarer codes are longer.
const LOOKED_UP: u32 = 10;

/// What the end of a block adds to the place in it; a sum from here to [`PAST_END`] has met it.
pub(super) const END: usize = 128;
/// What a symbol that means nothing adds.
pub(super) const PAST_END: usize = 192;

/// The codes of one table.
pub(super) struct Table {
    /// By the next bits.
    symbols: Box<[Symbol; 1 << LOOKED_UP]>,
    /// By the next bits: all symbols whose codes lie within them, as one.
    runs: Box<[Symbol; 1 << LOOKED_UP]>,
    /// The first code of each length, aligned to 16 bits, that is beyond the codes of this length.
    beyond: [u32; 17],
    /// What added to a code of each length gives its place among the symbols.
    offsets: [i32; 17],
    by_code: [u8; 256],
}

/// What a code says, in one word: the bits of the code and of the value behind it, the bits of the value, and by how many
/// places it leads on. All zero for codes that are longer than what is looked up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Symbol(u32);

impl Symbol {
    fn new(length: u32, size: u32, advance: u32) -> Self {
        Self(length | size << 8 | advance << 16)
    }

    /// The symbol of a byte of the file: zeros before the value in its upper half, the value's bits in the lower.
    fn of(byte: u8, length: u32) -> Self {
        let size = u32::from(byte & 15);
        let advance = match byte {
            0 => END as u32,
            // Sixteen zeros, of which the last one counts as a value.
            0xF0 => 16,
            _ if size == 0 => PAST_END as u32,
            _ => u32::from(byte >> 4) + 1,
        };
        Self::new(length + size, size, advance)
    }

    #[inline(always)]
    fn length(self) -> u32 {
        self.0 & 0xFF
    }

    #[inline(always)]
    fn size(self) -> u32 {
        self.0 >> 8 & 0xFF
    }

    #[inline(always)]
    pub(super) fn advance(self) -> usize {
        (self.0 >> 16) as usize
    }

    /// Takes the symbol's bits and returns its value.
    #[inline(always)]
    pub(super) fn take(self, bits: &mut Bits<'_>) -> i32 {
        let size = self.size();
        let value = bits.peek(self.length()) as i32 & ((1 << size) - 1);
        bits.skip(self.length());
        // The lower half of the values are negative.
        let negative = (value - ((1 << size) >> 1)) >> 31;
        value + (negative & (1 - (1 << size)))
    }

    /// Takes the symbol's bits.
    #[inline(always)]
    pub(super) fn skip(self, bits: &mut Bits<'_>) {
        bits.skip(self.length());
    }
}

impl Table {
    /// Reads a table: how many codes have each length, and what they stand for.
    pub(super) fn read(lengths: &[u8; 16], content: &[u8]) -> Option<Self> {
        let count: usize = lengths.iter().map(|count| usize::from(*count)).sum();
        let mut table = Self {
            symbols: Box::new([Symbol::default(); 1 << LOOKED_UP]),
            runs: Box::new([Symbol::default(); 1 << LOOKED_UP]),
            beyond: [0; 17],
            offsets: [0; 17],
            by_code: [0; 256],
        };
        let by_code = table.by_code.get_mut(..count)?;
        by_code.copy_from_slice(content.get(..count)?);
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
                    let symbol = Symbol::of(table.by_code[at], length);
                    table.symbols[first..first + (1 << free)].fill(symbol);
                }
                code += 1;
                at += 1;
            }
            table.beyond[length as usize] = code << (16 - length);
            code <<= 1;
        }
        for next in 0..1 << LOOKED_UP {
            table.runs[next] = table.run(next);
        }
        Some(table)
    }

    /// Joins the symbols that begin with these bits, up to the end of a block.
    fn run(&self, next: usize) -> Symbol {
        let (mut length, mut advance) = (0, 0);
        while length < LOOKED_UP && advance < END {
            let symbol = self.symbols[next << length & ((1 << LOOKED_UP) - 1)];
            let code = symbol.length() - symbol.size();
            let sum = advance + symbol.advance();
            let fits = code > 0 && length + code <= LOOKED_UP;
            if !fits || symbol.advance() == PAST_END || (64..END).contains(&sum) {
                break;
            }
            (length, advance) = (length + symbol.length(), sum);
        }
        Symbol::new(length, 0, advance as u32)
    }

    /// Returns the next symbol, which the bits then are to be rid of.
    #[inline(always)]
    pub(super) fn next(&self, bits: &mut Bits<'_>) -> Option<Symbol> {
        bits.refill();
        let symbol = self.symbols[bits.peek(LOOKED_UP) as usize];
        if symbol.length() == 0 {
            return self.long(bits.peek(16) as u32);
        }
        Some(symbol)
    }

    /// Moves on in a block as many places as the next bits say at once: to less than 64, or to at least [`END`].
    ///
    /// It does nothing where they say nothing at once, or what they say goes beyond this block.
    #[inline(always)]
    pub(super) fn run_from(&self, at: usize, bits: &mut Bits<'_>) -> Option<usize> {
        bits.refill();
        let run = self.runs[bits.peek(LOOKED_UP) as usize];
        let reached = at + run.advance();
        // The end of a block whose last place was met belongs to the next block.
        let within = reached < 64 || (END..END + 63).contains(&reached);
        if run.length() == 0 || !within {
            return None;
        }
        run.skip(bits);
        Some(reached)
    }

    /// Returns the symbol of a long code.
    #[cold]
    #[inline(never)]
    fn long(&self, next: u32) -> Option<Symbol> {
        let length = (LOOKED_UP + 1..=16).find(|length| next < self.beyond[*length as usize])?;
        let place = (next >> (16 - length)) as i32 + self.offsets[length as usize];
        let byte = self.by_code.get(usize::try_from(place).ok()?)?;
        Some(Symbol::of(*byte, length))
    }
}
