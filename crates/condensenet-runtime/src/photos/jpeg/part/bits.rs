//! The bits of a scan.

/// Zeros behind each interval, so that eight bytes can always be read at once.
const PADDING: usize = 8;

/// The bytes of a scan, without those that are stuffed between them and without markers.
#[derive(Debug, Default)]
pub(super) struct Intervals {
    /// One interval after another, each with its padding.
    bytes: Vec<u8>,
    /// Where each ends, without its padding.
    ends: Vec<usize>,
}

impl Intervals {
    /// Takes at most so many intervals; the first marker that does not part two of them ends the last one.
    pub(super) fn read(&mut self, mut data: &[u8], most: usize) {
        self.bytes.clear();
        self.ends.clear();
        while self.ends.len() < most {
            let (plain, rest) = data.split_at(before_marker(data));
            self.bytes.extend_from_slice(plain);
            match rest {
                [0xFF, 0, rest @ ..] => {
                    self.bytes.push(0xFF);
                    data = rest;
                }
                [0xFF, 0xD0..=0xD7, rest @ ..] => {
                    self.end();
                    data = rest;
                }
                _ => return self.end(),
            }
        }
    }

    fn end(&mut self) {
        self.ends.push(self.bytes.len());
        self.bytes.extend_from_slice(&[0; PADDING]);
    }

    /// Returns the bits of one interval, or `None` behind the last.
    pub(super) fn bits(&self, interval: usize) -> Option<Bits<'_>> {
        let start = match interval {
            0 => 0,
            _ => self.ends.get(interval - 1)? + PADDING,
        };
        let end = *self.ends.get(interval)?;
        Some(Bits {
            data: &self.bytes[start..end + PADDING],
            at: 0,
            buffer: 0,
            count: 0,
        })
    }
}

/// Returns the number of bytes before the next that has all bits set.
fn before_marker(data: &[u8]) -> usize {
    let chunks = data.as_chunks::<32>().0.iter();
    let plain =
        chunks.take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | (*byte == 0xFF)));
    let start = 32 * plain.count();
    let rest = data[start..].iter();
    start + rest.take_while(|byte| **byte != 0xFF).count()
}

/// Reads the bits of one interval; behind the last of them come zeros, and [`taken`](Self::taken) tells.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The byte from which the buffer is filled next.
    at: usize,
    /// The next bits, from the highest down.
    buffer: u64,
    /// How many of them are counted as read; those below are the ones that follow, too.
    count: u32,
}

/// How much of an interval was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Less,
    /// All but the bits that fill up the last byte.
    All,
    /// More than there is.
    More,
}

impl Bits<'_> {
    /// Makes sure of 56 bits: a symbol and its value take at most 31.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let next = match self.data.get(self.at..).and_then(|rest| rest.first_chunk()) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => 0,
        };
        // Without a branch, because nobody could foresee it: bits that were there already are written again.
        self.buffer |= next >> self.count;
        self.at += (63 - self.count) as usize / 8;
        self.count |= 56;
    }

    /// Returns the next bits without taking them: at least 1, and at most 56 after a refill.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> u64 {
        self.buffer >> (64 - count)
    }

    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count = self.count.wrapping_sub(count);
    }

    pub(super) fn taken(&self) -> Taken {
        let bits = 8 * self.at - self.count as usize;
        match bits.div_ceil(8).cmp(&(self.data.len() - PADDING)) {
            std::cmp::Ordering::Less => Taken::Less,
            std::cmp::Ordering::Equal => Taken::All,
            std::cmp::Ordering::Greater => Taken::More,
        }
    }
}
