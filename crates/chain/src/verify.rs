//! Walking a chain to find what is wrong with it.

use crate::{Hash, Head};

/// One stored entry.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its number, from 1.
    pub seq: u64,
    /// The hash it claims to follow.
    pub previous: Hash,
    /// Its own hash as stored.
    pub hash: Hash,
    /// Its body as stored.
    pub body: &'a [u8],
}

/// What is wrong, at the first place where it shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A number is skipped, repeated or out of order.
    #[error("entry {expected} is missing: entry {found} stands in its place")]
    Missing {
        /// The number that should follow.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// The entry does not follow the one before it.
    #[error("entry {0} does not follow the entry before it")]
    Unlinked(u64),
    /// The entry is not what was written.
    #[error("entry {0} was altered")]
    Altered(u64),
    /// The chain ends before a signed head.
    #[error("the chain ends at entry {found}, but entry {expected} was signed")]
    Truncated {
        /// Number of the last entry.
        found: u64,
        /// Number the head vouches for.
        expected: u64,
    },
    /// An entry is not the one a head vouches for.
    #[error("entry {0} is not the one that was signed")]
    Replaced(u64),
    /// Entries follow the newest head.
    #[error("entry {0} was appended without a signature")]
    Unsigned(u64),
}

/// Checks a chain entry by entry, in constant memory.
#[derive(Debug)]
pub struct Verifier {
    seq: u64,
    hash: Hash,
    heads: Vec<Head>,
}

impl Verifier {
    /// A verifier for a chain of which `heads` are known. Their signatures are the
    /// caller's to check first.
    #[must_use]
    pub fn new(mut heads: Vec<Head>) -> Self {
        heads.sort_by_key(|head| std::cmp::Reverse(head.seq));
        Self {
            seq: 0,
            hash: Hash::GENESIS,
            heads,
        }
    }

    /// Checks the next entry.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn push(&mut self, entry: Entry<'_>) -> Result<(), Fault> {
        let expected = self.seq + 1;
        if entry.seq != expected {
            return Err(Fault::Missing {
                expected,
                found: entry.seq,
            });
        }
        if entry.previous != self.hash {
            return Err(Fault::Unlinked(entry.seq));
        }
        if entry.hash != Hash::entry(self.hash, entry.seq, entry.body) {
            return Err(Fault::Altered(entry.seq));
        }
        while let Some(head) = self.heads.pop_if(|head| head.seq <= entry.seq) {
            if head.seq == entry.seq && head.hash != entry.hash {
                return Err(Fault::Replaced(entry.seq));
            }
        }
        self.seq = entry.seq;
        self.hash = entry.hash;
        Ok(())
    }

    /// Checks that the chain ends where its newest head says. Gives the number of
    /// entries.
    ///
    /// # Errors
    /// When the chain is shorter or longer.
    pub fn finish(self, newest: &Head) -> Result<u64, Fault> {
        if let Some(head) = self.heads.first() {
            return Err(Fault::Truncated {
                found: self.seq,
                expected: head.seq,
            });
        }
        if self.seq > newest.seq {
            return Err(Fault::Unsigned(newest.seq + 1));
        }
        if self.seq < newest.seq {
            return Err(Fault::Truncated {
                found: self.seq,
                expected: newest.seq,
            });
        }
        if self.hash != newest.hash {
            return Err(Fault::Replaced(self.seq));
        }
        Ok(self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;

    struct Stored {
        seq: u64,
        previous: Hash,
        hash: Hash,
        body: Vec<u8>,
    }

    fn chain(length: u64) -> Vec<Stored> {
        let mut previous = Hash::GENESIS;
        (1..=length)
            .map(|seq| {
                let body = format!("body {seq}").into_bytes();
                let hash = Hash::entry(previous, seq, &body);
                let stored = Stored {
                    seq,
                    previous,
                    hash,
                    body,
                };
                previous = hash;
                stored
            })
            .collect()
    }

    fn head(entries: &[Stored]) -> Head {
        let (key, _) = SigningKey::generate().unwrap();
        let last = entries.last().unwrap();
        Head::sign(b"c", last.seq, last.hash, &key)
    }

    fn verify(entries: &[Stored], heads: Vec<Head>, newest: &Head) -> Result<u64, Fault> {
        let mut verifier = Verifier::new(heads);
        for stored in entries {
            verifier.push(Entry {
                seq: stored.seq,
                previous: stored.previous,
                hash: stored.hash,
                body: &stored.body,
            })?;
        }
        verifier.finish(newest)
    }

    #[test]
    fn an_honest_chain_verifies() {
        let entries = chain(5);
        let old = head(&entries[..2]);
        assert_eq!(verify(&entries, vec![old], &head(&entries)), Ok(5));
        let empty = Head {
            seq: 0,
            hash: Hash::GENESIS,
            key_id: String::new(),
            signature: String::new(),
        };
        assert_eq!(verify(&[], vec![], &empty), Ok(0));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let newest = head(&chain(3));
        for index in 0..3 {
            for bit in 0..8 * chain(3)[index].body.len() {
                let mut entries = chain(3);
                entries[index].body[bit / 8] ^= 1 << (bit % 8);
                let found = verify(&entries, vec![], &newest);
                assert_eq!(found, Err(Fault::Altered(index as u64 + 1)));
            }
        }
    }

    #[test]
    fn missing_reordered_cut_and_rewritten_chains_are_found() {
        let newest = head(&chain(4));
        let mut gap = chain(4);
        gap.remove(1);
        assert_eq!(
            verify(&gap, vec![], &newest),
            Err(Fault::Missing {
                expected: 2,
                found: 3
            })
        );
        let mut swapped = chain(4);
        swapped.swap(1, 2);
        assert!(verify(&swapped, vec![], &newest).is_err());
        let cut = chain(3);
        assert_eq!(
            verify(&cut, vec![], &newest),
            Err(Fault::Truncated {
                found: 3,
                expected: 4
            })
        );
        let longer = chain(5);
        assert_eq!(verify(&longer, vec![], &newest), Err(Fault::Unsigned(5)));
        // A chain rewritten from the start is consistent in itself; a head kept
        // elsewhere gives it away.
        let mut rewritten = chain(4);
        let mut previous = Hash::GENESIS;
        for stored in &mut rewritten {
            stored.body.push(b'!');
            stored.previous = previous;
            stored.hash = Hash::entry(previous, stored.seq, &stored.body);
            previous = stored.hash;
        }
        let kept = head(&chain(4)[..2]);
        let forged = head(&rewritten);
        assert_eq!(
            verify(&rewritten, vec![kept], &forged),
            Err(Fault::Replaced(2))
        );
    }
}
