//! The answers of the form protocol: XML with the result in a response.

use aws_smithy_xml::decode::{Document, XmlDecodeError, try_data};

/// The texts of these fields of `part`, a structure in the result of an answer; `None` without it.
///
/// Source: smithy.io/2.0/aws/protocols/aws-query-protocol.html#response-serialization
///
/// # Errors
///
/// The answer is no XML, or was cut off.
pub(crate) fn fields<const N: usize>(
    answer: &str,
    part: &str,
    names: [&str; N],
) -> Result<Option<[Option<String>; N]>, XmlDecodeError> {
    let mut document = Document::new(answer);
    let mut response = document.root_element()?;
    while let Some(mut result) = response.next_tag() {
        while let Some(mut found) = result.next_tag() {
            if found.start_el().local() != part {
                continue;
            }
            let mut texts = [const { None }; N];
            while let Some(mut field) = found.next_tag() {
                let place = names
                    .iter()
                    .position(|name| field.start_el().local() == *name);
                if let Some(place) = place {
                    texts[place] = Some(try_data(&mut field)?.into_owned());
                }
            }
            return Ok(Some(texts));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_part_are_its_own_and_not_those_of_others() {
        let answer = "<GetResponse><GetResult><Other><Id>1</Id></Other>\
                      <Role><Id>2</Id><Tags><Id>3</Id></Tags></Role></GetResult></GetResponse>";
        let found = fields(answer, "Role", ["Id", "Name"]).unwrap();
        assert_eq!(found, Some([Some("2".into()), None]));
        assert_eq!(fields(answer, "User", ["Id"]).unwrap(), None);
        assert!(fields("<GetResponse", "Role", ["Id"]).is_err());
    }
}
