//! The bits of a scan, without the bytes that are stuffed between them.

/// Reads bits; behind the last of them come zeros, and [`overrun`](Self::overrun) tells.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the highest down.
    buffer: u64,
    count: u32,
    /// How many zeros were put into the buffer where the data had ended.
    invented: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            buffer: 0,
            count: 0,
            invented: 0,
        }
    }

    /// Makes sure of 32 bits: as many as a symbol and its value can take.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(&[a, b, c, d]) = self
            .data
            .get(self.at..self.at + 4)
            .and_then(|four| four.first_chunk())
        {
            let word = u32::from_be_bytes([a, b, c, d]);
            // A byte of all ones is one of all zeros in the complement.
            let rest = !word;
            if rest.wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                self.buffer |= u64::from(word) << (32 - self.count);
                self.count += 32;
                self.at += 4;
                return;
            }
        }
        // By value, so that no pointer to the bits keeps them out of registers.
        *self = self.refilled_slowly();
    }

    #[cold]
    #[inline(never)]
    fn refilled_slowly(mut self) -> Self {
        while self.count <= 56 {
            let byte = match self.data.get(self.at..) {
                Some([0xFF, 0, ..]) => {
                    self.at += 2;
                    0xFF
                }
                // A marker ends the data.
                Some([0xFF, ..] | []) | None => {
                    self.invented += 8;
                    0
                }
                Some([byte, ..]) => {
                    self.at += 1;
                    *byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        self
    }

    /// Returns the next bits without taking them; at least 1 and at most 32, after a refill.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.buffer >> (64 - count)) as u32
    }

    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count = self.count.wrapping_sub(count);
    }

    /// Says whether bits were taken that the data does not have.
    pub(super) fn overrun(&self) -> bool {
        self.invented > self.count
    }

    /// Moves behind the marker that ends an interval; `None` where there is none.
    pub(super) fn restart(&mut self) -> Option<()> {
        let overrun = self.overrun();
        match self.data.get(self.at..) {
            Some([0xFF, 0xD0..=0xD7, ..]) if !overrun => {
                *self = Self {
                    at: self.at + 2,
                    ..Self::new(self.data)
                };
                Some(())
            }
            _ => None,
        }
    }
}
