//! GUIDs, by which vendors know their tenants.

/// Whether a text is a GUID: groups of 8, 4, 4, 4 and 12 hexadecimal digits.
pub(crate) fn is_guid(text: &str) -> bool {
    let is_hexadecimal = |group: &str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.split('-').all(is_hexadecimal)
}
