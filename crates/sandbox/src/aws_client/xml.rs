//! A tree of XML elements: what the query protocol answers.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Why a text is not one XML document.
#[derive(Debug, thiserror::Error)]
pub enum XmlError {
    /// The XML is not well formed.
    #[error("malformed XML")]
    Malformed(#[source] quick_xml::Error),
    /// There is no root element, or it is not closed.
    #[error("no complete XML element")]
    Incomplete,
}

/// An element with its text and its children. Namespaces and attributes are left out: no answer
/// of the query protocol carries meaning in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Local name.
    pub name: String,
    /// Character data directly inside, with references resolved; blank where there are children.
    pub text: String,
    /// Elements directly inside, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// Parses one document.
    ///
    /// # Errors
    /// When the text is not one well-formed document.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Self> = Vec::new();
        loop {
            match reader.read_event().map_err(XmlError::Malformed)? {
                Event::Start(start) => open.push(Self::named(&start)),
                Event::Empty(start) => {
                    if let Some(root) = close(&mut open, Self::named(&start)) {
                        return Ok(root);
                    }
                }
                Event::End(_) => {
                    let element = open.pop().ok_or(XmlError::Incomplete)?;
                    if let Some(root) = close(&mut open, element) {
                        return Ok(root);
                    }
                }
                Event::Text(text) => append(&mut open, &text),
                Event::CData(text) => append(&mut open, &text),
                Event::GeneralRef(reference) => {
                    let character = reference
                        .resolve_char_ref()
                        .map_err(XmlError::Malformed)?
                        .map(String::from);
                    let named = quick_xml::escape::resolve_xml_entity(&reference);
                    append(
                        &mut open,
                        character.as_deref().or(named).unwrap_or_default(),
                    );
                }
                Event::Eof => return Err(XmlError::Incomplete),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
            }
        }
    }

    fn named(start: &BytesStart<'_>) -> Self {
        Self {
            name: start.local_name().as_ref().to_owned(),
            ..Self::default()
        }
    }

    /// The first child with this name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element at a path of names below this one, such as `GetRoleResult/Role/Arn`.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/')
            .try_fold(self, |element, name| element.child(name))
    }

    /// The text at a path of names below this one.
    #[must_use]
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).map(|element| element.text.as_str())
    }

    /// The `member` elements of the list at a path; none where the list is absent.
    pub fn members(&self, path: &str) -> impl Iterator<Item = &Self> {
        self.each(path, "member")
    }

    /// The `entry` elements of the map at a path; none where the map is absent.
    pub fn entries(&self, path: &str) -> impl Iterator<Item = &Self> {
        self.each(path, "entry")
    }

    fn each(&self, path: &str, name: &'static str) -> impl Iterator<Item = &Self> {
        self.at(path)
            .into_iter()
            .flat_map(|list| &list.children)
            .filter(move |child| child.name == name)
    }

    /// The nearest element with this name: this one, or one below, depth first.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }
}

/// Puts a complete element into the one around it; the root comes back.
fn close(open: &mut [Element], mut element: Element) -> Option<Element> {
    if !element.children.is_empty() && element.text.trim().is_empty() {
        element.text.clear();
    }
    match open.last_mut() {
        Some(parent) => {
            parent.children.push(element);
            None
        }
        None => Some(element),
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_texts_and_references_are_read() {
        let root = Element::parse(
            "<?xml version=\"1.0\"?>\n<R xmlns=\"x\">\n <Result><Roles><member><Arn>a&amp;b&#33;</Arn></member>\
             <member><Arn/></member></Roles></Result>\n</R>",
        )
        .unwrap();
        let arns: Vec<_> = root
            .members("Result/Roles")
            .map(|role| role.text_at("Arn").unwrap().to_owned())
            .collect();
        assert_eq!(arns, ["a&b!", ""]);
        assert_eq!(root.text, "");
        assert_eq!(root.find("Arn").unwrap().text, "a&b!");
    }

    #[test]
    fn half_a_document_is_no_document() {
        assert!(matches!(
            Element::parse("<A><B>"),
            Err(XmlError::Incomplete)
        ));
        assert!(Element::parse("").is_err());
        assert!(matches!(
            Element::parse("<A></B>"),
            Err(XmlError::Malformed(_))
        ));
    }
}
