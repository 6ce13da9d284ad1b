//! Protocol Buffers taken apart by hand, so that the numbers of the fields are read by somebody else
//! than they were written by.

/// What stands behind a field's number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content<'a> {
    Number(u64),
    Float(f32),
    Bytes(&'a [u8]),
}

/// The fields of a message in the order in which they stand.
pub(crate) struct Message<'a>(Vec<(u64, Content<'a>)>);

impl<'a> Message<'a> {
    pub(crate) fn parse(mut rest: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        while !rest.is_empty() {
            let key = number(&mut rest);
            let content = match key & 7 {
                0 => Content::Number(number(&mut rest)),
                2 => {
                    let length = number(&mut rest) as usize;
                    Content::Bytes(take(&mut rest, length))
                }
                5 => {
                    let bytes = take(&mut rest, 4);
                    Content::Float(f32::from_le_bytes(bytes.try_into().expect("four bytes")))
                }
                other => panic!("wire type {other}"),
            };
            fields.push((key >> 3, content));
        }
        Self(fields)
    }

    /// Every content of a field.
    fn contents(&self, field: u64) -> impl Iterator<Item = Content<'a>> {
        let found = self.0.iter().filter(move |(number, _)| *number == field);
        found.map(|(_, content)| *content)
    }

    pub(crate) fn numbers_of_fields(&self) -> Vec<u64> {
        self.0.iter().map(|(number, _)| *number).collect()
    }

    pub(crate) fn number(&self, field: u64) -> Option<i64> {
        self.numbers(field).first().copied()
    }

    /// A repeated number, packed or not.
    pub(crate) fn numbers(&self, field: u64) -> Vec<i64> {
        let mut numbers = Vec::new();
        for content in self.contents(field) {
            match content {
                Content::Number(value) => numbers.push(value as i64),
                Content::Bytes(mut packed) => {
                    while !packed.is_empty() {
                        numbers.push(number(&mut packed) as i64);
                    }
                }
                Content::Float(_) => panic!("field {field} is a float"),
            }
        }
        numbers
    }

    pub(crate) fn float(&self, field: u64) -> Option<f32> {
        self.contents(field).find_map(|content| match content {
            Content::Float(value) => Some(value),
            _ => None,
        })
    }

    pub(crate) fn bytes(&self, field: u64) -> Vec<&'a [u8]> {
        let bytes = self.contents(field).map(|content| match content {
            Content::Bytes(bytes) => bytes,
            other => panic!("field {field} is {other:?}"),
        });
        bytes.collect()
    }

    pub(crate) fn texts(&self, field: u64) -> Vec<String> {
        let bytes = self.bytes(field).into_iter();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        bytes.map(text).collect()
    }

    pub(crate) fn text(&self, field: u64) -> String {
        self.texts(field).concat()
    }

    pub(crate) fn messages(&self, field: u64) -> Vec<Self> {
        self.bytes(field).into_iter().map(Self::parse).collect()
    }

    /// The one message of a field.
    pub(crate) fn message(&self, field: u64) -> Self {
        let mut messages = self.messages(field);
        assert_eq!(messages.len(), 1, "field {field}");
        messages.remove(0)
    }
}

fn number(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)[0];
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return value;
        }
    }
    panic!("a number of more than 64 bits")
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}
