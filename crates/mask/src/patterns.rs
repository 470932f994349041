//! What is looked for, compiled.

use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, MatchKind};

use crate::names::{STRONG, WEAK};
use crate::shapes::{Class, SHAPES};

/// Shapes of its own that a workspace may have.
pub const MAX_CUSTOM: usize = 100;
const MIN_PREFIX: usize = 3;
const MAX_PREFIX: usize = 64;
const MAX_LEAST: usize = 512;

/// A kind of token that a workspace knows: a prefix, and at least so many letters,
/// digits and `_-.+/=~` after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custom {
    /// 3 to 64 visible characters of ASCII; upper and lower case differ.
    pub prefix: String,
    /// 1 to 512.
    pub least: usize,
}

impl FromStr for Custom {
    type Err = Error;

    /// Reads `acme_{32}`: the prefix `acme_`, and at least 32 more.
    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let (prefix, least) = text.strip_suffix('}')?.rsplit_once('{')?;
            Some(Self {
                prefix: prefix.to_owned(),
                least: least.parse().ok()?,
            })
        };
        let custom = read().ok_or_else(|| Error::Form(text.to_owned()))?;
        check(&custom).map(|()| custom)
    }
}

/// Why patterns cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// More than [`MAX_CUSTOM`].
    #[error("there are more than {MAX_CUSTOM} patterns")]
    TooMany,
    /// Not written as one.
    #[error("`{0}` is no pattern: write a prefix and a length, such as acme_{{32}}")]
    Form(String),
    /// It would match by chance, or not at all.
    #[error("`{0}` is no prefix: it takes 3 to 64 visible characters of ASCII")]
    Prefix(String),
    /// It would match everything, or nothing.
    #[error("after `{0}` a token must have 1 to 512 characters")]
    Least(String),
    /// They do not fit together.
    #[error("the patterns cannot be compiled: {0}")]
    Compile(String),
}

/// What a hit of the search means.
#[derive(Clone, Debug)]
pub(crate) enum Anchor {
    Shape {
        prefix: String,
        class: Class,
        least: usize,
    },
    Name {
        is_strong: bool,
    },
    /// `://`, before a user and a password.
    Address,
    /// `-----BEGIN `
    Pem,
}

/// What is looked for.
#[derive(Debug)]
pub struct Patterns {
    pub(crate) search: AhoCorasick,
    pub(crate) anchors: Vec<Anchor>,
}

impl Patterns {
    /// What is known everywhere.
    ///
    /// # Panics
    /// Never: the table is compiled in a test.
    #[must_use]
    pub fn built_in() -> Arc<Self> {
        static BUILT_IN: LazyLock<Arc<Patterns>> = LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "constant, compiled in a test")]
            Arc::new(Patterns::with(&[]).expect("the built-in patterns are right"))
        });
        Arc::clone(&BUILT_IN)
    }

    /// What is known everywhere, and `custom`.
    ///
    /// # Errors
    /// Where one of these cannot be used.
    pub fn with(custom: &[Custom]) -> Result<Self, Error> {
        if custom.len() > MAX_CUSTOM {
            return Err(Error::TooMany);
        }
        let mut words: Vec<&str> = Vec::new();
        let mut anchors = Vec::new();
        for own in custom {
            check(own)?;
            words.push(&own.prefix);
            anchors.push(Anchor::Shape {
                prefix: own.prefix.clone(),
                class: Class::Wide,
                least: own.least,
            });
        }
        for shape in SHAPES {
            words.push(shape.prefix);
            anchors.push(Anchor::Shape {
                prefix: shape.prefix.to_owned(),
                class: shape.class,
                least: shape.least,
            });
        }
        for (names, is_strong) in [(STRONG, true), (WEAK, false)] {
            words.extend(names);
            anchors.extend(names.iter().map(|_| Anchor::Name { is_strong }));
        }
        words.push("://");
        anchors.push(Anchor::Address);
        words.push("-----BEGIN ");
        anchors.push(Anchor::Pem);
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(words)
            .map_err(|error| Error::Compile(error.to_string()))?;
        Ok(Self { search, anchors })
    }
}

fn check(own: &Custom) -> Result<(), Error> {
    let fits = (MIN_PREFIX..=MAX_PREFIX).contains(&own.prefix.len());
    if !fits || !own.prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::Prefix(own.prefix.clone()));
    }
    if !(1..=MAX_LEAST).contains(&own.least) {
        return Err(Error::Least(own.prefix.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_ones_compile() {
        assert!(Patterns::with(&[]).is_ok());
    }

    #[test]
    fn a_shape_is_written_as_prefix_and_length() {
        let read = |text: &str| text.parse::<Custom>();
        let own = Custom {
            prefix: "acme_{".to_owned(),
            least: 32,
        };
        assert_eq!(read("acme_{{32}"), Ok(own));
        for text in [
            "", "acme_", "acme_{}", "acme_{x}", "{32}", "acme_{0}", "acme_{32",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bad_shapes_are_refused() {
        let with = |prefix: &str, least| {
            let own = Custom {
                prefix: prefix.to_owned(),
                least,
            };
            Patterns::with(&[own]).err()
        };
        assert_eq!(with("acme_", 10), None);
        for prefix in ["", "ab", "a b", "äöü", "a\nb"] {
            assert_eq!(with(prefix, 10), Some(Error::Prefix(prefix.to_owned())));
        }
        for least in [0, 513] {
            assert_eq!(with("acme_", least), Some(Error::Least("acme_".to_owned())));
        }
        let one = Custom {
            prefix: "acme_".to_owned(),
            least: 8,
        };
        let many = vec![one; MAX_CUSTOM + 1];
        assert_eq!(Patterns::with(&many).err(), Some(Error::TooMany));
    }
}
