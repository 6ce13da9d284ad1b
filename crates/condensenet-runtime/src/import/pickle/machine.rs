//! Runs the stack machine of a pickle, of any protocol from 0 to 5.

use super::{Id, Memo, OTHER, Object, Pickle, Value};

/// A checkpoint takes some thousands; what is longer is no checkpoint, or made to fill the memory.
const MAX_STEPS: usize = 1 << 24;

/// Reads the pickle at the start of some bytes.
///
/// # Errors
/// Says what is wrong, and where.
pub(in crate::import) fn read(bytes: &[u8]) -> Result<Pickle, String> {
    let mut machine = Machine {
        bytes,
        at: 0,
        values: vec![Value::Other],
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Memo::new(),
    };
    for _ in 0..MAX_STEPS {
        let at = machine.at;
        let step = machine.step();
        let stop = step.map_err(|problem| format!("byte {at} of the pickle: {problem}"))?;
        if let Some(root) = stop {
            return Ok(Pickle {
                values: machine.values,
                root,
                length: machine.at,
            });
        }
    }
    Err(format!("the pickle has more than {MAX_STEPS} steps"))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// The heights of the stack that are marked.
    marks: Vec<usize>,
    memo: Memo,
}

impl Machine<'_> {
    /// Does what the next opcode says; returns the result of the program where it ends.
    fn step(&mut self) -> Result<Option<Id>, String> {
        let opcode = self.take(1)?[0];
        match opcode {
            b'.' => return self.pop().map(Some),
            // Protocol and frames.
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            // The stack itself.
            b'(' => self.marks.push(self.stack.len()),
            b'0' if self.marks.last() == Some(&self.stack.len()) => drop(self.marks.pop()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            // Numbers, and what is none of interest.
            b'N' => self.stack.push(OTHER),
            b'G' => self.skip(8)?,
            b'F' => {
                self.line()?;
                self.stack.push(OTHER);
            }
            0x88 | 0x89 => self.push(Value::Int(i64::from(opcode == 0x88))),
            b'J' => {
                let value = self.number(4)? as u32;
                self.push(Value::Int(i64::from(value.cast_signed())));
            }
            b'K' => self.int(1)?,
            b'M' => self.int(2)?,
            b'I' | b'L' => {
                let line = self.line()?;
                let value = line.trim().trim_end_matches('L').parse();
                self.push(value.map_or(Value::Other, Value::Int));
            }
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            // Text and bytes. What Python 2 calls a string may be either.
            b'X' | b'T' => self.text(4)?,
            0x8c | b'U' => self.text(1)?,
            0x8d => self.text(8)?,
            b'V' => {
                let line = self.line()?;
                self.push(Value::Text(line));
            }
            b'S' => {
                let line = self.line()?;
                let text = line.trim_matches(['\'', '"']).to_owned();
                self.push(Value::Text(text));
            }
            b'B' => self.bytes(4)?,
            b'C' => self.bytes(1)?,
            0x8e | 0x96 => self.bytes(8)?,
            // Containers.
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(opcode - 0x84))?;
                self.push(Value::Tuple(items));
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push(Value::Tuple(items));
            }
            b']' | 0x8f => self.push(Value::List(Vec::new())),
            b'l' | 0x91 => {
                let items = self.pop_mark()?;
                self.push(Value::List(items));
            }
            b'}' => self.push(Value::Dict(Vec::new())),
            b'd' => {
                let entries = self.pop_mark()?;
                self.push(Value::Dict(pairs(&entries)?));
            }
            b'a' => {
                let items = self.pop_many(1)?;
                self.append(&items)?;
            }
            b'e' | 0x90 => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let entry = self.pop_many(2)?;
                self.set_items(&entry)?;
            }
            b'u' => {
                let entries = self.pop_mark()?;
                self.set_items(&entries)?;
            }
            // Names and calls.
            b'c' => {
                let name = [self.line()?, self.line()?].join(".");
                self.push(Value::Name(name));
            }
            0x93 => {
                let [module, name] = self.pop_array()?;
                let name = match (&self.values[module], &self.values[name]) {
                    (Value::Text(module), Value::Text(name)) => format!("{module}.{name}"),
                    _ => return Err("a name that is no text".to_owned()),
                };
                self.push(Value::Name(name));
            }
            b'R' | 0x81 => {
                let [callee, arguments] = self.pop_array()?;
                self.call(callee, arguments);
            }
            0x92 => {
                let [callee, arguments, _] = self.pop_array()?;
                self.call(callee, arguments);
            }
            b'i' => {
                let name = [self.line()?, self.line()?].join(".");
                let arguments = self.pop_mark()?;
                let callee = self.add(Value::Name(name));
                let arguments = self.add(Value::Tuple(arguments));
                self.call(callee, arguments);
            }
            b'o' => {
                let mut arguments = self.pop_mark()?;
                if arguments.is_empty() {
                    return Err("a call of nothing".to_owned());
                }
                let callee = arguments.remove(0);
                let arguments = self.add(Value::Tuple(arguments));
                self.call(callee, arguments);
            }
            b'b' => {
                let state = self.pop()?;
                let target = self.top()?;
                if let Value::Object(object) = &mut self.values[target] {
                    object.state = state;
                }
            }
            b'P' => {
                let line = self.line()?;
                let identity = self.add(Value::Text(line));
                self.push(Value::Persistent(identity));
            }
            b'Q' => {
                let identity = self.pop()?;
                self.push(Value::Persistent(identity));
            }
            // The memo.
            b'p' => {
                let key = self.line_number()?;
                self.memorize(key)?;
            }
            b'q' | b'r' => {
                let key = self.number(if opcode == b'q' { 1 } else { 4 })?;
                self.memorize(key)?;
            }
            0x94 => self.memorize(self.memo.len())?,
            b'g' => {
                let key = self.line_number()?;
                self.recall(key)?;
            }
            b'h' | b'j' => {
                let key = self.number(if opcode == b'h' { 1 } else { 4 })?;
                self.recall(key)?;
            }
            0x98 => {}
            _ => return Err(format!("opcode {opcode:#04x} is unknown")),
        }
        Ok(None)
    }

    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..count).ok_or_else(|| {
            let left = rest.len();
            format!("{count} bytes are wanted where {left} are left")
        })?;
        self.at += count;
        Ok(taken)
    }

    /// An unsigned number of so many bytes.
    fn number(&mut self, count: usize) -> Result<usize, String> {
        let bytes = self.take(count)?.iter().rev();
        let number = bytes.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        usize::try_from(number).map_err(|_| format!("{number} is too large a number"))
    }

    /// The rest of a line, without its end.
    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or("a line has no end")?;
        self.at += end + 1;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn line_number(&mut self) -> Result<usize, String> {
        let line = self.line()?;
        let number = line.trim().parse();
        number.map_err(|_| format!("{line:?} is no number of the memo"))
    }

    fn add(&mut self, value: Value) -> Id {
        self.values.push(value);
        self.values.len() - 1
    }

    fn push(&mut self, value: Value) {
        let id = self.add(value);
        self.stack.push(id);
    }

    fn int(&mut self, count: usize) -> Result<(), String> {
        let value = self.number(count)?;
        self.push(Value::Int(value as i64));
        Ok(())
    }

    /// A signed number of any length; one of more than 64 bits is of no interest.
    fn long(&mut self, count: usize) -> Result<(), String> {
        let length = self.number(count)?;
        let bytes = self.take(length)?;
        let value = match bytes.last() {
            None => Value::Int(0),
            Some(last) if length <= 8 => {
                let filler = if last & 0x80 == 0 { 0 } else { 0xff };
                let mut whole = [filler; 8];
                whole[..length].copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(whole))
            }
            Some(_) => Value::Other,
        };
        self.push(value);
        Ok(())
    }

    fn text(&mut self, count: usize) -> Result<(), String> {
        let length = self.number(count)?;
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.push(Value::Text(text));
        Ok(())
    }

    fn bytes(&mut self, count: usize) -> Result<(), String> {
        let length = self.number(count)?;
        self.skip(length)
    }

    fn skip(&mut self, count: usize) -> Result<(), String> {
        self.take(count)?;
        self.stack.push(OTHER);
        Ok(())
    }

    fn top(&self) -> Result<Id, String> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        let above = &self.stack[bottom..];
        above
            .last()
            .copied()
            .ok_or_else(|| "the stack is empty".to_owned())
    }

    fn pop(&mut self) -> Result<Id, String> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_array<const N: usize>(&mut self) -> Result<[Id; N], String> {
        let mut popped = [OTHER; N];
        for place in popped.iter_mut().rev() {
            *place = self.pop()?;
        }
        Ok(popped)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>, String> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        let first = self.stack.len().checked_sub(count);
        match first.filter(|&first| first >= bottom) {
            Some(first) => Ok(self.stack.split_off(first)),
            None => Err("the stack is empty".to_owned()),
        }
    }

    /// Everything above the last mark.
    fn pop_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or("the stack has no mark")?;
        Ok(self.stack.split_off(mark))
    }

    fn append(&mut self, items: &[Id]) -> Result<(), String> {
        let target = self.top()?;
        match &mut self.values[target] {
            Value::List(list) => list.extend(items),
            Value::Object(object) => object.items.extend(items),
            _ => return Err("items are added to what is no list".to_owned()),
        }
        Ok(())
    }

    fn set_items(&mut self, entries: &[Id]) -> Result<(), String> {
        let target = self.top()?;
        let entries = pairs(entries)?;
        match &mut self.values[target] {
            Value::Dict(dict) => dict.extend(entries),
            Value::Object(object) => object.entries.extend(entries),
            _ => return Err("entries are added to what is no dictionary".to_owned()),
        }
        Ok(())
    }

    fn call(&mut self, callee: Id, arguments: Id) {
        self.push(Value::Object(Box::new(Object {
            callee,
            arguments,
            state: OTHER,
            entries: Vec::new(),
            items: Vec::new(),
        })));
    }

    fn memorize(&mut self, key: usize) -> Result<(), String> {
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: usize) -> Result<(), String> {
        let id = self.memo.get(&key);
        let id = id.ok_or_else(|| format!("nothing is memorized under {key}"))?;
        self.stack.push(*id);
        Ok(())
    }
}

fn pairs(entries: &[Id]) -> Result<Vec<(Id, Id)>, String> {
    let pairs = entries.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err("a key without a value".to_owned());
    }
    Ok(pairs.map(|pair| (pair[0], pair[1])).collect())
}
