//! What is wrong with a configuration: file, line, caret and remedy.

use std::fmt;
use std::io::IsTerminal as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Padding, Renderer, Snippet};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where in the file, in bytes; `None` for the file as a whole.
    pub(crate) span: Option<Range<usize>>,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) remedy: String,
}

impl Problem {
    pub(crate) fn at(
        span: Range<usize>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { span: Some(span), message: message.into(), remedy: remedy.into() }
    }

    pub(crate) fn whole(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { span: None, message: message.into(), remedy: remedy.into() }
    }
}

/// Everything found wrong with one file.
#[derive(Debug)]
pub(crate) struct Problems {
    path: PathBuf,
    source: String,
    list: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(path: &Path, source: &str, list: Vec<Problem>) -> Self {
        Self { path: path.to_owned(), source: source.to_owned(), list }
    }
}

impl Problems {
    /// The messages alone, for a record.
    pub(crate) fn in_one_line(&self) -> String {
        let messages: Vec<&str> = self.list.iter().map(|p| p.message.as_str()).collect();
        messages.join("; ")
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let styled = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let path = self.path.display().to_string();
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            let whole = format!("{path}: {}", problem.message);
            let message = if problem.span.is_some() { &problem.message } else { &whole };
            let title = Level::ERROR.primary_title(message.as_str());
            let help = Group::with_title(Level::HELP.secondary_title(problem.remedy.as_str()));
            let report = match problem.span.clone() {
                Some(span) => [
                    title.element(
                        Snippet::source(self.source.as_str())
                            .path(path.as_str())
                            .annotation(AnnotationKind::Primary.span(span)),
                    ),
                    help,
                ],
                None => [title.element(Padding), help],
            };
            f.write_str(&renderer.render(&report))?;
        }
        Ok(())
    }
}
