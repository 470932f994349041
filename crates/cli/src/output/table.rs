//! Lists: aligned columns for people, an array for programs (`cli-core.md` §1.3).

use serde::Serialize;

use super::{Format, json, pager, sanitize};

/// Spaces between columns.
const GAP: usize = 3;

/// What a list command shows. The JSON form is the row itself, the table form its
/// cells.
pub(crate) trait Row: Serialize {
    /// Upper case.
    const HEADERS: &'static [&'static str];

    fn cells(&self) -> Vec<String>;
}

/// Writes `rows`.
pub(crate) fn print<R: Row>(rows: &[R], format: Format) {
    match format {
        Format::Json => json::print(rows),
        Format::Table => {
            let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
            pager::print(&render(R::HEADERS, &cells));
        }
    }
}

/// Writes rows that have no JSON form.
pub(crate) fn print_cells(headers: &[&str], rows: &[Vec<String>]) {
    pager::print(&render(headers, rows));
}

/// The first `length` characters, `...` when something was cut.
pub(crate) fn truncate(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

pub(crate) fn render(headers: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = headers.iter().map(|&text| text.to_owned()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(&header)
        .chain(rows)
        .map(|cells| cells.iter().map(|text| sanitize::cell(text)).collect())
        .collect();
    let widths: Vec<usize> = (0..headers.len())
        .map(|column| {
            lines
                .iter()
                .filter_map(|cells| cells.get(column))
                .map(|text| text.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for cells in &lines {
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            text.push_str(cell);
            if column + 1 < cells.len() {
                let padding = width.saturating_sub(cell.chars().count()) + GAP;
                text.extend(std::iter::repeat_n(' ', padding));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_the_last_is_not_padded() {
        let rows = vec![
            vec!["web-01".into(), "10.0.0.5".into(), "true".into()],
            vec!["é".into(), "x\ny".into(), "false".into()],
        ];
        insta::assert_snapshot!(render(&["NAME", "IP", "CONNECTED"], &rows), @r"
        NAME     IP         CONNECTED
        web-01   10.0.0.5   true
        é        xy         false
        ");
        assert_eq!(render(&["A", "B"], &[]), "A   B\n");
    }

    #[test]
    fn truncation_counts_characters() {
        assert_eq!(truncate("éééé", 3), "ééé...");
        assert_eq!(truncate("ééé", 3), "ééé");
    }
}
