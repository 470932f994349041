//! Names of the commands that other parsers find, as they are written.

use brush_parser::ast as b;
use rable::{Node, NodeKind};

/// Commands outside words; brush keeps words as text.
pub(crate) fn brush(text: &str) -> Vec<String> {
    let options = brush_parser::ParserOptions::default();
    let mut parser = brush_parser::Parser::new(text.as_bytes(), &options);
    let mut names = Vec::new();
    if let Ok(program) = parser.parse_program() {
        for list in &program.complete_commands {
            brush_list(list, &mut names);
        }
    }
    names
}

fn brush_list(list: &b::CompoundList, names: &mut Vec<String>) {
    for b::CompoundListItem(item, _) in &list.0 {
        let rest = item.additional.iter().map(|next| match next {
            b::AndOr::And(pipeline) | b::AndOr::Or(pipeline) => pipeline,
        });
        for pipeline in std::iter::once(&item.first).chain(rest) {
            for command in &pipeline.seq {
                brush_command(command, names);
            }
        }
    }
}

fn brush_command(command: &b::Command, names: &mut Vec<String>) {
    match command {
        b::Command::Simple(simple) => {
            names.extend(simple.word_or_name.iter().map(|word| word.value.clone()));
        }
        b::Command::Compound(compound, _) => brush_compound(compound, names),
        b::Command::Function(function) => brush_compound(&function.body.0, names),
        b::Command::ExtendedTest(..) => {}
    }
}

fn brush_compound(compound: &b::CompoundCommand, names: &mut Vec<String>) {
    match compound {
        b::CompoundCommand::Arithmetic(_) => {}
        b::CompoundCommand::ArithmeticForClause(clause) => brush_list(&clause.body.list, names),
        b::CompoundCommand::BraceGroup(group) => brush_list(&group.list, names),
        b::CompoundCommand::Subshell(subshell) => brush_list(&subshell.list, names),
        b::CompoundCommand::ForClause(clause) => brush_list(&clause.body.list, names),
        b::CompoundCommand::CaseClause(clause) => {
            for list in clause.cases.iter().filter_map(|case| case.cmd.as_ref()) {
                brush_list(list, names);
            }
        }
        b::CompoundCommand::IfClause(clause) => {
            brush_list(&clause.condition, names);
            brush_list(&clause.then, names);
            for other in clause.elses.iter().flatten() {
                if let Some(condition) = &other.condition {
                    brush_list(condition, names);
                }
                brush_list(&other.body, names);
            }
        }
        b::CompoundCommand::WhileClause(clause) | b::CompoundCommand::UntilClause(clause) => {
            brush_list(&clause.0, names);
            brush_list(&clause.1.list, names);
        }
        b::CompoundCommand::Coprocess(coprocess) => brush_command(&coprocess.body, names),
    }
}

/// Commands inside and outside words.
pub(crate) fn rable(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(nodes) = rable::parse(text, true) {
        nodes.iter().for_each(|node| visit(node, &mut names));
    }
    names
}

fn visit_all<'n>(nodes: impl IntoIterator<Item = &'n Node>, names: &mut Vec<String>) {
    nodes.into_iter().for_each(|node| visit(node, names));
}

fn visit(node: &Node, names: &mut Vec<String>) {
    match &node.kind {
        NodeKind::Command {
            assignments,
            words,
            redirects,
        } => {
            if let Some(NodeKind::Word { value, .. }) = words.first().map(|word| &word.kind) {
                names.push(value.clone());
            }
            visit_all(assignments.iter().chain(words).chain(redirects), names);
        }
        NodeKind::Word { parts, .. } | NodeKind::Array { elements: parts } => {
            visit_all(parts, names);
        }
        NodeKind::Pipeline { commands, .. } => visit_all(commands, names),
        NodeKind::List { items } => visit_all(items.iter().map(|item| &item.command), names),
        NodeKind::If {
            condition,
            then_body,
            else_body,
            redirects,
        } => {
            visit(condition, names);
            visit(then_body, names);
            visit_all(else_body.as_deref(), names);
            visit_all(redirects, names);
        }
        NodeKind::While {
            condition,
            body,
            redirects,
        }
        | NodeKind::Until {
            condition,
            body,
            redirects,
        } => {
            visit(condition, names);
            visit(body, names);
            visit_all(redirects, names);
        }
        NodeKind::For {
            words,
            body,
            redirects,
            ..
        }
        | NodeKind::Select {
            words,
            body,
            redirects,
            ..
        } => {
            visit_all(words.iter().flatten(), names);
            visit(body, names);
            visit_all(redirects, names);
        }
        NodeKind::ForArith {
            body, redirects, ..
        }
        | NodeKind::Subshell { body, redirects }
        | NodeKind::BraceGroup { body, redirects } => {
            visit(body, names);
            visit_all(redirects, names);
        }
        NodeKind::Case {
            word,
            patterns,
            redirects,
        } => {
            visit(word, names);
            for arm in patterns {
                visit_all(arm.patterns.iter().chain(&arm.body), names);
            }
            visit_all(redirects, names);
        }
        NodeKind::Function { body, .. } => visit(body, names),
        NodeKind::Coproc { command, .. }
        | NodeKind::CommandSubstitution { command, .. }
        | NodeKind::ProcessSubstitution { command, .. } => visit(command, names),
        NodeKind::Redirect { target, .. } => visit(target, names),
        NodeKind::Negation { pipeline } | NodeKind::Time { pipeline, .. } => visit(pipeline, names),
        _ => {}
    }
}
