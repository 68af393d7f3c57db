//! Diagnostics as rustc shows them.

use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};

use super::{Diagnostic, Label, Severity};
use crate::{Profile, compile, load};

impl Diagnostic {
    /// Several lines: the message, the source lines with what is meant underlined, and the notes. With `color`, for a terminal.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group: Group<'_> = Group::with_title(level.primary_title(&*self.message));
        for (index, label) in self.labels.iter().enumerate().filter(|(_, label)| label.line > 0) {
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            group = group.element(snippet(label, kind));
        }
        for note in &self.notes {
            group = group.element(Level::HELP.message(&**note));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.decor_style(DecorStyle::Ascii).render(&[group])
    }
}

fn snippet<'a>(label: &'a Label, kind: AnnotationKind) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let mut annotation = kind.span(label.range.clone());
    if !label.text.is_empty() {
        annotation = annotation.label(&*label.text);
    }
    Snippet::source(&*label.source).line_start(label.line as usize).path(&*label.file).annotation(annotation)
}

/// Reads and compiles a directory of rules, for build scripts.
///
/// # Errors
/// The rendered diagnostics, or why the files cannot be read: text to print before the build fails.
pub fn compile_directory(directory: impl AsRef<Path>) -> Result<Profile, String> {
    let sources = load(directory).map_err(|error| error.to_string())?;
    compile(&sources).map_err(|diagnostics| {
        let rendered: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.render(false)).collect();
        rendered.join("\n\n")
    })
}
