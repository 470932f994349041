//! Files to copy, whose content no compression makes smaller.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use anyhow::Result;

/// Files in one directory of a tree.
const EACH: usize = 100;
/// Sizes of files in a tree, in bytes, one after the other.
const SIZES: [u64; 5] = [200, 1_000, 3_000, 8_000, 20_000];
/// Read of the system's source at once, in bytes.
const BLOCK: usize = 1 << 20;

/// One file of random bytes.
///
/// # Errors
/// When it cannot be written.
pub(super) fn file(path: &Path, size: u64) -> Result<()> {
    let mut source = File::open("/dev/urandom")?.take(size);
    let mut file = io::BufWriter::with_capacity(BLOCK, File::create(path)?);
    io::copy(&mut source, &mut file)?;
    file.flush()?;
    Ok(())
}

/// A tree of `count` files of random bytes.
///
/// # Errors
/// When it cannot be written.
pub(super) fn tree(path: &Path, count: usize) -> Result<()> {
    for (number, size) in (0..count).zip(SIZES.into_iter().cycle()) {
        let folder = path.join(format!("d{:03}", number / EACH));
        std::fs::create_dir_all(&folder)?;
        file(&folder.join(format!("f{number:05}")), size)?;
    }
    Ok(())
}
