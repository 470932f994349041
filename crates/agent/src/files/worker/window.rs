//! A file read through a buffer that survives seeking: archives are read in small
//! steps forward, with a seek before each.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes kept.
const SIZE: usize = 64 * 1024;

/// Reads a file; several may read the same one.
#[derive(Debug)]
pub(crate) struct Window {
    file: Arc<File>,
    position: u64,
    buffer: Vec<u8>,
    /// Where the buffer's first byte lies in the file.
    start: u64,
}

impl Window {
    pub(crate) fn new(file: Arc<File>) -> Self {
        Self {
            file,
            position: 0,
            buffer: Vec::with_capacity(SIZE),
            start: 0,
        }
    }

    /// What the buffer holds from the position on.
    fn held(&self) -> &[u8] {
        self.position
            .checked_sub(self.start)
            .and_then(|offset| usize::try_from(offset).ok())
            .and_then(|offset| self.buffer.get(offset..))
            .unwrap_or_default()
    }
}

impl Read for Window {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.held().is_empty() {
            if into.len() >= SIZE {
                let count = self.file.read_at(into, self.position)?;
                self.position += count as u64;
                return Ok(count);
            }
            self.buffer.resize(SIZE, 0);
            let read = self.file.read_at(&mut self.buffer, self.position);
            self.buffer.truncate(*read.as_ref().unwrap_or(&0));
            self.start = self.position;
            read?;
        }
        let count = self.held().read(into)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(offset) => (self.position, offset),
            SeekFrom::End(offset) => (self.file.metadata()?.len(), offset),
        };
        self.position = base
            .checked_add_signed(offset)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reads_what_the_file_holds(
            length in 0_usize..200_000,
            steps in prop::collection::vec((0_u64..220_000, 0_usize..100_000), 1..20),
        ) {
            let content: Vec<u8> = (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&content).unwrap();
            let mut window = Window::new(Arc::new(file));
            for (position, count) in steps {
                window.seek(SeekFrom::Start(position)).unwrap();
                let mut read = Vec::new();
                (&mut window).take(count as u64).read_to_end(&mut read).unwrap();
                let from = usize::try_from(position).unwrap().min(length);
                let to = (from + count).min(length);
                prop_assert_eq!(&read[..], &content[from..to]);
            }
        }
    }
}
