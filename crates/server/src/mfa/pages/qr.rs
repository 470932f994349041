//! QR codes, drawn here: what is in one never leaves the page.

use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, as readers expect them.
const QUIET: usize = 4;

/// A QR code as an SVG path, one unit for each module.
pub(super) struct Qr {
    /// Width and height.
    pub(super) size: usize,
    /// The dark modules.
    pub(super) path: String,
}

impl Qr {
    pub(super) fn new(text: &str) -> Result<Self, QrError> {
        use std::fmt::Write as _;

        let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
        let width = code.width();
        let mut path = String::new();
        for (index, color) in code.to_colors().into_iter().enumerate() {
            if color == Color::Dark {
                let (x, y) = (index % width + QUIET, index / width + QUIET);
                // Writing to a text does not fail.
                let _ = write!(path, "M{x} {y}h1v1h-1z");
            }
        }
        Ok(Self {
            size: width + 2 * QUIET,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_finder_and_their_quiet_zone() {
        let qr = Qr::new("otpauth://totp/a").unwrap();
        assert_eq!((qr.size - 2 * QUIET - 17) % 4, 0);
        assert!(qr.path.starts_with("M4 4h1v1h-1zM5 4"));
        assert!(!qr.path.contains("M3 "));
    }

    #[test]
    fn what_is_too_long_is_an_error() {
        assert!(Qr::new(&"x".repeat(4000)).is_err());
    }
}
