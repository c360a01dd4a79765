//! The columns of a line of CSV, by the crate `csv`.

use std::io::{Cursor, SeekFrom};

use csv::{Position, Reader, ReaderBuilder, StringRecord, Terminator};

use crate::log::Field;

/// Splits lines into fields, one line at a time: an error is told by its line, and a quote that is
/// never closed ends with it.
pub(crate) struct Columns {
    reader: Reader<Cursor<Vec<u8>>>,
    record: StringRecord,
}

impl Columns {
    pub(crate) fn new() -> Self {
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).terminator(Terminator::Any(b'\n'));
        let reader = builder.from_reader(Cursor::default());
        Self { reader, record: StringRecord::new() }
    }

    /// Takes the fields of `line`, which is not empty.
    pub(crate) fn read(&mut self, line: &str) -> Result<(), csv::Error> {
        let bytes = self.reader.get_mut().get_mut();
        bytes.clear();
        bytes.extend_from_slice(line.as_bytes());
        self.reader.seek_raw(SeekFrom::Start(0), Position::new())?;
        self.reader.read_record(&mut self.record).map(drop)
    }

    /// The place of the column that is called `name`, in whatever case.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.record
            .iter()
            .position(|field| field.trim().trim_matches('"').eq_ignore_ascii_case(name))
    }

    /// A field of the line that was read last.
    pub(crate) fn get<'a>(&'a self, place: usize, line: &str) -> Option<Field<'a>> {
        let text = self.record.get(place)?;
        Some(Field { text, column: self.column(place, line) })
    }

    /// Where a field begins in the line. The reader does not say; a field between quotes is longer
    /// there by these, and by those that are doubled.
    fn column(&self, place: usize, line: &str) -> usize {
        let mut begin = 0;
        for field in self.record.iter().take(place) {
            begin += field.len() + 1;
            if is_quoted(line, begin - field.len() - 1) {
                begin += 2 + field.matches('"').count();
            }
        }
        (begin + usize::from(is_quoted(line, begin)) + 1).min(line.len() + 1)
    }
}

fn is_quoted(line: &str, begin: usize) -> bool {
    line.as_bytes().get(begin) == Some(&b'"')
}
