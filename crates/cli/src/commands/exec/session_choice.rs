//! Which work session an operation names: the flag, then the environment, then the
//! one stored for the workspace (`cli-core.md` §1.9).

use client::Config;

const VARIABLE: &str = "ALPACON_WORK_SESSION";

/// The session of an operation; `None`: the server decides without one.
pub(crate) fn choose(flag: Option<&str>, config: &Config) -> Option<String> {
    explicit(flag).or_else(|| config.active_work_session().map(ToOwned::to_owned))
}

/// The session named by the caller.
pub(crate) fn explicit(flag: Option<&str>) -> Option<String> {
    pick(flag, std::env::var(VARIABLE).ok())
}

fn pick(flag: Option<&str>, variable: Option<String>) -> Option<String> {
    flag.map(ToOwned::to_owned)
        .into_iter()
        .chain(variable)
        .map(|id| id.trim().to_owned())
        .find(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_and_empty_values_fall_through() {
        let variable = || Some("env".to_owned());
        assert_eq!(pick(Some("flag"), variable()).as_deref(), Some("flag"));
        assert_eq!(pick(Some(" "), variable()).as_deref(), Some("env"));
        assert_eq!(pick(None, Some(String::new())), None);
    }
}
