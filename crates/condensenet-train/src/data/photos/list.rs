//! Reads photos from a list: a text or CSV file with a path and a class on each line.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{LabeledPhotos, scan};
use crate::data::DataError;

/// The longest list that is read, in bytes: more than a hundred million bytes are a file of another kind.
const LONGEST: u64 = 1 << 27;

/// Photos that a text file lists, each with its class.
///
/// A line is a path and the name of a class or its index, separated by tabs, commas or spaces, whichever stands in every
/// line; what is in double quotes is one field. With spaces the class is what stands behind the last one, or the longest
/// known name at the end of the line. A first line that names the columns (`path,label`) may order them. Paths are relative
/// to the directory of the file or to another root; empty lines, and lines that begin with `#`, say nothing. The file is
/// UTF-8, or UTF-16 with a byte order mark.
///
/// # Example
/// ```
/// use condensenet_train::data::{LabeledPhotos, PhotoList};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let file = directory.path().join("photos.txt");
/// std::fs::write(&file, "path,label\none.jpg,cat\nmore photos/two.jpg,golden retriever\n")?;
/// let list = PhotoList::open(&file, ["cat", "golden retriever"])?;
/// assert_eq!(list.label(1), 1);
/// assert!(list.path(1).ends_with("more photos/two.jpg"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PhotoList {
    class_names: Vec<String>,
    photos: Vec<(PathBuf, u32)>,
}

impl PhotoList {
    /// Reads a list of photos of these classes; none of the photos is opened.
    ///
    /// # Errors
    /// Fails with [`DataError::Unreadable`] if the file can't be read, and with [`DataError::ListLine`], which names the line,
    /// if one has no class or one of none of these names, or if there is no photo at all.
    pub fn open<S: Into<String>>(
        file: impl AsRef<Path>,
        class_names: impl IntoIterator<Item = S>,
    ) -> Result<Self, DataError> {
        let file = file.as_ref();
        Self::open_below(file, file.parent().unwrap_or(Path::new("")), class_names)
    }

    /// Reads a list whose paths are relative to a root.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_below<S: Into<String>>(
        file: impl AsRef<Path>,
        root: impl AsRef<Path>,
        class_names: impl IntoIterator<Item = S>,
    ) -> Result<Self, DataError> {
        let file = file.as_ref();
        let class_names: Vec<String> = class_names.into_iter().map(Into::into).collect();
        let lines = lines(file, &class_names)?;
        let composed: Vec<String> = (class_names.iter())
            .map(|name| scan::class_name(name))
            .collect();
        let mut photos = Vec::with_capacity(lines.len());
        for Line {
            number,
            path,
            class,
        } in lines
        {
            let name = scan::class_name(&class);
            let label = (composed.iter().position(|class| *class == name))
                .or_else(|| class.parse().ok().filter(|at| *at < class_names.len()));
            let Some(label) = label else {
                let count = class_names.len();
                let reason =
                    format!("{class:?} is none of the {count} classes, nor the index of one");
                return Err(fault(file, number, reason));
            };
            photos.push((root.as_ref().join(path), label as u32));
        }
        Ok(Self {
            class_names,
            photos,
        })
    }

    /// Reads a list that says itself which classes there are: those that it names, sorted as the folders of a
    /// [`PhotoFolder`](super::PhotoFolder).
    ///
    /// # Errors
    /// As [`open`](Self::open), and with [`DataError::TooFewClasses`] if it names fewer than two classes.
    pub fn open_with_classes(
        file: impl AsRef<Path>,
        root: impl AsRef<Path>,
    ) -> Result<Self, DataError> {
        let file = file.as_ref();
        let mut class_names: Vec<String> = (lines(file, &[])?.into_iter())
            .map(|line| scan::class_name(&line.class))
            .collect();
        class_names.sort_unstable();
        class_names.dedup();
        scan::sort_classes(&mut class_names, |name| name);
        if class_names.len() < 2 {
            return Err(DataError::TooFewClasses {
                path: file.to_owned(),
                found: class_names.pop(),
            });
        }
        Self::open_below(file, root, class_names)
    }
}

impl LabeledPhotos for PhotoList {
    fn len(&self) -> usize {
        self.photos.len()
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn label(&self, index: usize) -> u32 {
        self.photos[index].1
    }

    fn path(&self, index: usize) -> PathBuf {
        self.photos[index].0.clone()
    }
}

/// What a line says.
struct Line {
    /// Counted from 1.
    number: usize,
    path: String,
    class: String,
}

fn fault(file: &Path, line: usize, reason: impl Into<String>) -> DataError {
    DataError::ListLine {
        path: file.to_owned(),
        line,
        reason: reason.into(),
    }
}

/// Reads the lines of a list; `class_names` are those that are known.
fn lines(file: &Path, class_names: &[String]) -> Result<Vec<Line>, DataError> {
    let text = text(file)?;
    let mut rows: Vec<(usize, &str)> = (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.trim_matches([' ', '\r'])))
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .collect();
    let everywhere = |separator: char| {
        let has = |line: &str| fields(line, separator).len() > 1;
        !rows.is_empty() && rows.iter().all(|(_, line)| has(line))
    };
    let separator = ['\t', ',']
        .into_iter()
        .find(|separator| everywhere(*separator))
        .unwrap_or(' ');
    let columns = rows
        .first()
        .and_then(|(_, line)| columns(&fields(line, separator)));
    if columns.is_some() {
        rows.remove(0);
    }
    let mut lines = Vec::with_capacity(rows.len());
    for (number, line) in rows {
        let found = match separator {
            ' ' => by_spaces(line, class_names),
            _ => {
                let mut fields = fields(line, separator);
                let [path, class] = match columns {
                    Some(columns) => columns,
                    None if fields.len() == 2 => [0, 1],
                    None => {
                        let reason = format!(
                            "expected a path and a class, found {} fields; a first line such as path,label names the columns",
                            fields.len()
                        );
                        return Err(fault(file, number, reason));
                    }
                };
                (fields.len() > path.max(class)).then(|| {
                    let [path, class] = [path, class].map(|at| std::mem::take(&mut fields[at]));
                    (path, class)
                })
            }
        };
        match found {
            Some((path, class)) if !path.is_empty() && !class.is_empty() => {
                lines.push(Line {
                    number,
                    path,
                    class,
                });
            }
            _ => {
                let reason = format!("expected a path and a class, found {line:?}");
                return Err(fault(file, number, reason));
            }
        }
    }
    if lines.is_empty() {
        return Err(fault(file, 1, "there is no photo in the list"));
    }
    Ok(lines)
}

/// Reads a file as text, whatever editor wrote it.
fn text(file: &Path) -> Result<String, DataError> {
    let unreadable = |source| DataError::unreadable(file, source);
    let mut bytes = Vec::new();
    let mut reader = File::open(file).map_err(unreadable)?.take(LONGEST + 1);
    reader.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LONGEST {
        let reason = format!("the list has more than {LONGEST} bytes, the most that are read");
        return Err(fault(file, 1, reason));
    }
    let wide = |from: fn([u8; 2]) -> u16| {
        let units = bytes[2..].as_chunks().0.iter().map(|two| from(*two));
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .ok()
    };
    let text = match bytes.as_slice() {
        [0xFF, 0xFE, ..] => wide(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => wide(u16::from_be_bytes),
        narrow => {
            let narrow = narrow.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(narrow);
            String::from_utf8(narrow.to_vec()).ok()
        }
    };
    text.ok_or_else(|| fault(file, 1, "the list is neither UTF-8 nor UTF-16 with a mark"))
}

/// Splits a line; what is in double quotes is one field, in which two of them stand for one.
fn fields(line: &str, separator: char) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(letter) = rest.next() {
        let field = fields.last_mut().expect("there is always a field");
        match letter {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.trim().is_empty() => {
                field.clear();
                quoted = true;
            }
            _ if letter == separator && !quoted => fields.push(String::new()),
            _ => field.push(letter),
        }
    }
    for field in &mut fields {
        let trimmed = field.trim();
        if trimmed.len() < field.len() {
            *field = trimmed.to_owned();
        }
    }
    fields
}

/// Returns where a first line that names the columns has path and class.
fn columns(fields: &[String]) -> Option<[usize; 2]> {
    const PATH: [&str; 8] = [
        "path",
        "file",
        "filename",
        "file_name",
        "filepath",
        "image",
        "image_path",
        "photo",
    ];
    const CLASS: [&str; 6] = [
        "label",
        "labels",
        "class",
        "class_name",
        "category",
        "target",
    ];
    let find = |names: &[&str]| {
        let mut fields = fields.iter();
        fields.position(|field| names.contains(&field.to_lowercase().as_str()))
    };
    Some([find(&PATH)?, find(&CLASS)?])
}

/// Splits a line at spaces into a path and a class, either of which may have some.
fn by_spaces(line: &str, class_names: &[String]) -> Option<(String, String)> {
    if line.contains('"') {
        let fields = fields(line, ' ');
        let mut fields = fields.into_iter().filter(|field| !field.is_empty());
        let (path, class) = (fields.next()?, fields.next()?);
        return fields.next().is_none().then_some((path, class));
    }
    let known = class_names
        .iter()
        .filter(|name| {
            let before = line.strip_suffix(name.as_str());
            before.is_some_and(|before| before.ends_with(' '))
        })
        .max_by_key(|name| name.len());
    let (path, class) = match known {
        Some(name) => line.split_at(line.len() - name.len()),
        None => line.rsplit_once(' ')?,
    };
    Some((path.trim().to_owned(), class.trim().to_owned()))
}
