//! What a password must be like. Length counts most; the rest keeps out what is
//! guessed first, whatever its length.

/// Fewest characters.
const MIN: usize = 12;
/// Most bytes: longer ones are not hashed at login either.
const MAX: usize = 1024;
/// Fewest different characters.
const MIN_DIFFERENT: usize = 5;
/// Shortest name that makes a password guessable when it is in it.
const MIN_NAME: usize = 4;
/// What is left of too many passwords when digits and signs are taken away.
const COMMON: [&str; 16] = [
    "abc",
    "admin",
    "administrator",
    "alpacon",
    "changeme",
    "default",
    "iloveyou",
    "letmein",
    "master",
    "pass",
    "password",
    "qwerty",
    "qwertyuiop",
    "secret",
    "test",
    "welcome",
];

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WeakPassword {
    #[error("The password must have at least {MIN} characters.")]
    Short,
    #[error("The password must have at most {MAX} bytes.")]
    Long,
    #[error("The password must have at least {MIN_DIFFERENT} different characters.")]
    Uniform,
    #[error("The password is a row of neighbouring characters; choose another one.")]
    Row,
    #[error("The password is a common one; choose another one.")]
    Common,
    #[error("The password must not contain the username or the mail address.")]
    Personal,
}

/// Refuses a password that is guessed easily. `names`: the user's own names, none of
/// which may be in it.
pub(crate) fn check(password: &str, names: &[&str]) -> Result<(), WeakPassword> {
    if password.chars().count() < MIN {
        return Err(WeakPassword::Short);
    }
    if password.len() > MAX {
        return Err(WeakPassword::Long);
    }
    let mut characters: Vec<char> = password.chars().collect();
    if is_row(&characters) {
        return Err(WeakPassword::Row);
    }
    characters.sort_unstable();
    characters.dedup();
    if characters.len() < MIN_DIFFERENT {
        return Err(WeakPassword::Uniform);
    }
    let lower = password.to_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphabetic()).collect();
    if COMMON.contains(&letters.as_str()) {
        return Err(WeakPassword::Common);
    }
    let is_in =
        |name: &&str| name.chars().count() >= MIN_NAME && lower.contains(&name.to_lowercase());
    if names.iter().any(is_in) {
        return Err(WeakPassword::Personal);
    }
    Ok(())
}

/// Whether each character but a few follows the one before it, as in `123456789012`.
fn is_row(characters: &[char]) -> bool {
    let follows = |pair: &[char]| {
        let [a, b] = pair else { return false };
        u32::from(*a).abs_diff(u32::from(*b)) <= 1
    };
    let steps = characters.windows(2).filter(|pair| follows(pair)).count();
    steps * 10 >= characters.len().saturating_sub(1) * 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_refused() {
        let names = ["jane", "jane.doe@example.com", ""];
        for (password, expected) in [
            ("", WeakPassword::Short),
            ("Tr0ub4dor&3", WeakPassword::Short),
            ("aaaabbbbaaaabbbb", WeakPassword::Row),
            ("a9a9a9a9a9a9a9", WeakPassword::Uniform),
            ("1234567890123", WeakPassword::Row),
            ("abcdefghijklmnop", WeakPassword::Row),
            ("Password!2024#", WeakPassword::Common),
            ("qwertyuiop[]12", WeakPassword::Common),
            ("my-JANE-password", WeakPassword::Personal),
        ] {
            assert_eq!(check(password, &names), Err(expected), "{password}");
        }
        let long = "correct horse battery staple".repeat(40);
        assert_eq!(check(&long, &names), Err(WeakPassword::Long));
    }

    #[test]
    fn long_and_mixed_ones_are_taken_whatever_they_are_made_of() {
        for password in [
            "correct horse battery staple",
            "k3J-9wq_Zt.p",
            "пароль из нескольких слов",
            "x7Q9m2L5v8R3",
        ] {
            assert_eq!(check(password, &["jane", "jo"]), Ok(()), "{password}");
        }
        // A name too short to matter is in nearly everything.
        assert_eq!(check("a job for joiners", &["jo"]), Ok(()));
    }
}
