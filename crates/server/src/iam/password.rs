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
/// What is left of too many passwords when digits and signs are taken away, sorted.
#[rustfmt::skip]
const COMMON: [&str; 118] = [
    "abc", "access", "account", "admin", "administrator", "alpacon", "amazon", "andrea",
    "andrew", "anthony", "apple", "arsenal", "ashley", "austin", "autumn", "bailey",
    "baseball", "basketball", "batman", "beautiful", "blink", "buster", "butterfly",
    "changeme", "charlie", "chelsea", "chocolate", "computer", "cookie", "daniel", "default",
    "demo", "dragon", "facebook", "family", "flower", "football", "forever", "freedom",
    "friends", "george", "google", "guest", "hannah", "happy", "harley", "heaven", "hello",
    "hockey", "hunter", "iloveyou", "internet", "jennifer", "jessica", "jordan", "joshua",
    "killer", "letmein", "linkedin", "liverpool", "login", "love", "lovely", "maggie",
    "manager", "master", "matrix", "matthew", "merlin", "michael", "michelle", "monkey",
    "mustang", "naruto", "nicole", "nothing", "pass", "passphrase", "password", "passwort",
    "pepper", "pokemon", "princess", "purple", "qazwsx", "qwerty", "qwertyuiop", "ranger",
    "robert", "root", "samsung", "secret", "shadow", "silver", "soccer", "spring", "starwars",
    "summer", "sunshine", "superman", "superuser", "support", "sysadmin", "temp", "temporary",
    "test", "testing", "thomas", "tigger", "trustno", "user", "vanessa", "welcome", "whatever",
    "winter", "wordpress", "yankees", "zaq",
];
/// Ways that fingers walk on a keyboard.
const WALKS: [&str; 6] = [
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgbyhnujmikolp",
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
    if is_common(&lower) || is_common(&spelled(&lower)) {
        return Err(WeakPassword::Common);
    }
    let is_in =
        |name: &&str| name.chars().count() >= MIN_NAME && lower.contains(&name.to_lowercase());
    if names.iter().any(is_in) {
        return Err(WeakPassword::Personal);
    }
    Ok(())
}

/// Whether nothing but a common word, once or again and again, is left without digits and
/// signs.
fn is_common(lower: &str) -> bool {
    let letters: Vec<char> = lower.chars().filter(|c| c.is_alphabetic()).collect();
    let unit = (1..=letters.len())
        .find(|size| {
            letters.len().is_multiple_of(*size)
                && letters
                    .iter()
                    .zip(letters.iter().cycle().skip(*size))
                    .all(|(a, b)| a == b)
        })
        .unwrap_or(letters.len());
    let word: String = letters.iter().take(unit).collect();
    COMMON.binary_search(&word.as_str()).is_ok()
}

/// With letters for the signs that people write instead of them.
fn spelled(lower: &str) -> String {
    // What follows the word is a number more often than letters.
    lower
        .trim_end_matches(|c: char| !c.is_alphabetic())
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            c => c,
        })
        .collect()
}

/// Whether each character but a few follows the one before it, in the alphabet as in
/// `123456789012` or on the keyboard as in `1qaz2wsx3edc`.
fn is_row(characters: &[char]) -> bool {
    let steps = characters.windows(2).filter(|pair| follows(pair)).count();
    steps * 10 >= characters.len().saturating_sub(1) * 8
}

fn follows(pair: &[char]) -> bool {
    let [a, b] = pair else { return false };
    if u32::from(*a).abs_diff(u32::from(*b)) <= 1 {
        return true;
    }
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let (there, back) = (String::from_iter([a, b]), String::from_iter([b, a]));
    WALKS
        .iter()
        .any(|walk| walk.contains(&there) || walk.contains(&back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_sorted() {
        assert!(COMMON.is_sorted());
    }

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
            ("1qaz2wsx3edc", WeakPassword::Row),
            ("QwertyuiopAsdfgh", WeakPassword::Row),
            ("mnbvcxzlkjhgfdsa", WeakPassword::Row),
            ("P@ssw0rd2026!!", WeakPassword::Common),
            ("passwordpassword", WeakPassword::Common),
            ("Summer2026!!!!", WeakPassword::Common),
            ("$uper-m4n-1234", WeakPassword::Common),
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
