//! Answers in XML, as far as a few fields of them are needed.

use std::collections::BTreeMap;

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use towerhook_core::{Error, ErrorKind, Result};

use super::Reply;

/// The texts of an element's own elements, by their names.
pub(crate) type Fields = BTreeMap<String, String>;

/// The fields of every element at this path below the root of an answer of `operation`.
pub(crate) fn elements(
    reply: &Reply,
    operation: &'static str,
    path: &[&str],
) -> Result<Vec<Fields>> {
    let broken = |error| Error::new(operation, ErrorKind::Unavailable, error);
    let mut found = Vec::new();
    let mut document = Document::new(reply.text(operation)?);
    let mut root = document.root_element().map_err(broken)?;
    collect(&mut root, path, &mut found);
    Ok(found)
}

/// The text of the root itself.
pub(crate) fn root_text(reply: &Reply, operation: &'static str) -> Result<String> {
    let broken = |error: XmlDecodeError| Error::new(operation, ErrorKind::Unavailable, error);
    let mut document = Document::new(reply.text(operation)?);
    let mut root = document.root_element().map_err(broken)?;
    let text = try_data(&mut root).map_err(broken)?;
    Ok(text.into_owned())
}

fn collect(element: &mut ScopedDecoder<'_, '_>, path: &[&str], found: &mut Vec<Fields>) {
    let Some((next, rest)) = path.split_first() else {
        found.push(fields(element));
        return;
    };
    while let Some(mut inner) = element.next_tag() {
        if inner.start_el().local() == *next {
            collect(&mut inner, rest, found);
        }
    }
}

/// Elements that hold further ones have no text, and are left out.
fn fields(element: &mut ScopedDecoder<'_, '_>) -> Fields {
    let mut fields = Fields::new();
    while let Some(mut field) = element.next_tag() {
        let name = field.start_el().local().to_owned();
        if let Ok(text) = try_data(&mut field) {
            fields.insert(name, text.into_owned());
        }
    }
    fields
}
