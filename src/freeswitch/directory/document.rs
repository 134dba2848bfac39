//! Documents of type `freeswitch/xml`.

use std::io;

use quick_xml::Writer;

use crate::error::{Error, Result};

/// What mod_xml_curl expects when there is nothing.
pub(super) const NOT_FOUND: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<document type="freeswitch/xml">
  <section name="result">
    <result status="not found" />
  </section>
</document>
"#;

const INDENT: usize = 2;

/// Writes elements of a document.
pub(super) type Xml = Writer<Vec<u8>>;

/// A document with one section, whose content is written by the function.
pub(super) fn document(section: &str, content: impl FnOnce(&mut Xml) -> io::Result<()>) -> Result<String> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', INDENT);
    xml.create_element("document")
        .with_attribute(("type", "freeswitch/xml"))
        .write_inner_content(|xml| named(xml, "section", section, content))
        .map_err(|error| Error::Internal(error.to_string()))?;
    let mut document = xml.into_inner();
    document.push(b'\n');
    String::from_utf8(document).map_err(|error| Error::Internal(error.to_string()))
}

/// An element with a name and content.
pub(super) fn named(
    xml: &mut Xml,
    element: &str,
    name: &str,
    content: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    xml.create_element(element).with_attribute(("name", name)).write_inner_content(content)?;
    Ok(())
}

/// An element of each pair: two attributes, such as `name` and `value`, with the pair's texts.
pub(super) fn pairs(
    xml: &mut Xml,
    element: &str,
    attributes: [&str; 2],
    texts: &[(&str, &str)],
) -> io::Result<()> {
    let [first, second] = attributes;
    for (left, right) in texts {
        xml.create_element(element).with_attributes([(first, *left), (second, *right)]).write_empty()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_escaped() {
        let odd = r#"<a b="c">&'é"#;
        let document = document(odd, |xml| pairs(xml, "param", ["name", "value"], &[(odd, odd)])).unwrap();
        let escaped = "&lt;a b=&quot;c&quot;&gt;&amp;&apos;é";
        assert_eq!(
            document,
            format!(
                "<document type=\"freeswitch/xml\">\n  <section name=\"{escaped}\">\n    \
                 <param name=\"{escaped}\" value=\"{escaped}\"/>\n  </section>\n</document>\n"
            )
        );
    }
}
