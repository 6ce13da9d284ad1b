//! Reads Python's pickles into inert values.
//!
//! A pickle is a program for a small stack machine, and Python's own reader imports and calls what it names. This one
//! runs the program without ever looking a name up: a call becomes an [`Object`] that remembers the name and the
//! arguments. So objects of any class, harmless or not, can stand beside the weights. Values refer to each other by
//! number, because a pickle may be nested to any depth and may contain itself.

use std::collections::HashMap;

mod machine;

pub(super) use machine::read;

/// The number of a value.
pub(super) type Id = usize;

/// The value of everything that is of no interest here: `None`, floats, bytes.
const OTHER: Id = 0;

/// What a pickle describes.
pub(super) struct Pickle {
    values: Vec<Value>,
    pub(super) root: Id,
    /// The length of the pickle, behind which other data may follow.
    pub(super) length: usize,
}

/// One value of a pickle.
#[derive(Debug)]
pub(super) enum Value {
    Other,
    Int(i64),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or a function, as `module.name`.
    Name(String),
    /// What its writer keeps elsewhere, under this identity.
    Persistent(Id),
    Object(Box<Object>),
}

/// A call, and what was put into its result.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) callee: Id,
    pub(super) arguments: Id,
    pub(super) state: Id,
    pub(super) entries: Vec<(Id, Id)>,
    pub(super) items: Vec<Id>,
}

impl Pickle {
    pub(super) fn get(&self, id: Id) -> &Value {
        &self.values[id]
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match self.get(id) {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The `module.name` of a class or a function, also where its writer kept the source code of it.
    pub(super) fn name(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Name(name) => Some(name),
            Value::Persistent(identity) => match *self.tuple(*identity)? {
                [kind, class, ..] if self.text(kind) == Some("module") => match self.get(class) {
                    Value::Name(name) => Some(name),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }
}

/// The names that a pickle gives to values, to refer to them again.
type Memo = HashMap<usize, Id>;
