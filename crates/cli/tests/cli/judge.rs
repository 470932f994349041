//! `alpacon judge check` on cases of the corpus.

use std::path::Path;

use serde_json::{Value, json};

use crate::environment::Environment;

fn corpus(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../corpus")
        .join(name);
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_corpus_gets_its_verdicts() {
    let cases: Vec<Value> = ["files.jsonl", "sudo.jsonl", "honest-operations.jsonl"]
        .into_iter()
        .flat_map(corpus)
        .enumerate()
        .map(|(id, mut case)| {
            case["id"] = json!(id);
            case
        })
        .collect();
    let input: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let run = Environment::new().run_with_input(&["judge", "check"], &input);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run:?}");
    let answers: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), cases.len());
    for (case, answer) in cases.iter().zip(&answers) {
        for member in ["id", "verdict"] {
            assert_eq!(case[member], answer[member], "{case}\n{answer}");
        }
        if !case["code"].is_null() {
            assert_eq!(case["code"], answer["code"], "{case}\n{answer}");
        }
    }
}

#[test]
fn a_bad_question_does_not_end_the_run() {
    let input = "nonsense\n\n{\"id\":\"x\"}\n{\"id\":\"y\",\"line\":\"ls\"}";
    let run = Environment::new().run_with_input(&["judge", "check"], input);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run:?}");
    let answers: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 3, "{run:?}");
    assert!(
        answers[0]["error"]
            .as_str()
            .unwrap()
            .starts_with("line 1: ")
    );
    assert_eq!(answers[1]["id"], "x");
    assert_eq!(
        answers[2],
        json!({
            "id": "y", "verdict": "allow", "code": null, "reason": null, "rule": null,
            "commands": ["ls"], "flags": [],
        })
    );
}
