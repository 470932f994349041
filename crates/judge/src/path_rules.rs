//! File rules: globs over canonical absolute paths.

use crate::glob::Glob;
use crate::rule::{RuleError, RuleSet};

/// An allow-list of paths. `*` matches any run of characters, also `/`; anything
/// else is literal. Only canonical paths are ever allowed, so that `..` and the
/// like mean nothing to a star.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRules {
    globs: Vec<(String, Glob)>,
}

impl PathRules {
    /// Compiles patterns. Their order is kept: the first that matches decides.
    ///
    /// # Errors
    /// On the first pattern that cannot be used; its position counts from 1.
    pub fn compile(patterns: &[String]) -> Result<Self, RuleError> {
        // The same bounds as wherever else path patterns are taken.
        RuleSet::compile_paths(patterns)?;
        let compiled = |text: &String| (text.clone(), Glob::new(text));
        Ok(Self {
            globs: patterns.iter().map(compiled).collect(),
        })
    }

    /// The first pattern that allows `path`. None for what is not canonical.
    #[must_use]
    pub fn allows(&self, path: &str) -> Option<&str> {
        if !is_canonical(path) {
            return None;
        }
        self.globs
            .iter()
            .find(|(_, glob)| glob.matches(path))
            .map(|(text, _)| text.as_str())
    }
}

/// Whether a path is absolute, without empty, `.` and `..` parts, without a
/// trailing `/`, and without NUL.
#[must_use]
pub fn is_canonical(path: &str) -> bool {
    if path == "/" {
        return true;
    }
    path.strip_prefix('/').is_some_and(|rest| {
        !rest.contains('\0') && rest.split('/').all(|part| !matches!(part, "" | "." | ".."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_never_sees_a_way_up() {
        let rules = PathRules::compile(&["/home/deploy/*".to_owned()]).unwrap();
        // (path, allowed)
        let table = [
            ("/home/deploy/x", true),
            ("/home/deploy/a/b c\n", true),
            ("/home/deploy/-rf", true),
            ("/home/deploy/a..b", true),
            ("/home/deploy/.ssh", true),
            ("/home/deploy/../root/.bashrc", false),
            ("/home/deploy/./x", false),
            ("/home/deploy//x", false),
            ("/home/deploy/x/", false),
            ("/home/deploy/", false),
            ("/home/deploy", false),
            ("/home/deployer/x", false),
            ("home/deploy/x", false),
            ("/home/deploy/x\0", false),
            ("/home/deploy/..", false),
            ("", false),
        ];
        for (path, allowed) in table {
            assert_eq!(rules.allows(path).is_some(), allowed, "{path:?}");
        }
    }

    #[test]
    fn without_a_star_the_match_is_exact_and_no_rules_allow_nothing() {
        let rules = PathRules::compile(&["/etc/motd".to_owned(), "*".to_owned()]).unwrap();
        assert_eq!(rules.allows("/etc/motd"), Some("/etc/motd"));
        assert_eq!(rules.allows("/etc/motd2"), Some("*"));
        assert_eq!(rules.allows("/etc/../x"), None);
        assert_eq!(PathRules::compile(&[]).unwrap().allows("/x"), None);
        assert!(PathRules::compile(&[String::new()]).is_err());
    }
}
