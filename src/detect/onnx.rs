//! Just enough of the ONNX file format (protocol buffers) to see whether a model keeps weights outside its file. The
//! runtime would open such files by the names in the model; the plugin opens no file but the manifest and the network.

/// Name of the first tensor whose data lies in another file; an error says where the bytes stop being an ONNX model.
pub fn external_tensor(model: &[u8]) -> Result<Option<String>, &'static str> {
    const MODEL_GRAPH: u64 = 7;
    const MODEL_FUNCTION: u64 = 25;
    const FUNCTION_NODE: u64 = 7;
    let mut graphs = 0;
    let mut found = None;
    each_field(model, &mut |number, field| {
        if number == MODEL_GRAPH
            && let Field::Bytes(graph) = field
        {
            graphs += 1;
            external_in_graph(graph, &mut found, 0)?;
        }
        if number == MODEL_FUNCTION
            && let Field::Bytes(function) = field
        {
            each_field(function, &mut |number, field| match (number, field) {
                (FUNCTION_NODE, Field::Bytes(node)) => external_in_node(node, &mut found, 0),
                _ => Ok(()),
            })?;
        }
        Ok(())
    })?;
    if graphs == 0 { Err("it holds no graph") } else { Ok(found) }
}

/// Graphs within graphs (`If`, `Loop`) deeper than this are no network for a detector.
const MAX_DEPTH: usize = 8;

fn external_in_graph(graph: &[u8], found: &mut Option<String>, depth: usize) -> Result<(), &'static str> {
    const GRAPH_NODE: u64 = 1;
    const GRAPH_INITIALIZER: u64 = 5;
    const GRAPH_SPARSE_INITIALIZER: u64 = 15;
    if depth > MAX_DEPTH {
        return Err("its graphs are nested too deep");
    }
    each_field(graph, &mut |number, field| match (number, field) {
        (GRAPH_INITIALIZER, Field::Bytes(tensor)) => external_in_tensor(tensor, found),
        (GRAPH_SPARSE_INITIALIZER, Field::Bytes(tensor)) => external_in_sparse(tensor, found),
        (GRAPH_NODE, Field::Bytes(node)) => external_in_node(node, found, depth),
        _ => Ok(()),
    })
}

fn external_in_node(node: &[u8], found: &mut Option<String>, depth: usize) -> Result<(), &'static str> {
    const NODE_ATTRIBUTE: u64 = 5;
    each_field(node, &mut |number, field| match (number, field) {
        (NODE_ATTRIBUTE, Field::Bytes(attribute)) => external_in_attribute(attribute, found, depth),
        _ => Ok(()),
    })
}

fn external_in_attribute(attribute: &[u8], found: &mut Option<String>, depth: usize) -> Result<(), &'static str> {
    // t = 5 and tensors = 10 are tensors, g = 6 and graphs = 11 are graphs, sparse_tensor = 22 and sparse_tensors = 23.
    each_field(attribute, &mut |number, field| match (number, field) {
        (5 | 10, Field::Bytes(tensor)) => external_in_tensor(tensor, found),
        (6 | 11, Field::Bytes(graph)) => external_in_graph(graph, found, depth + 1),
        (22 | 23, Field::Bytes(tensor)) => external_in_sparse(tensor, found),
        _ => Ok(()),
    })
}

fn external_in_sparse(tensor: &[u8], found: &mut Option<String>) -> Result<(), &'static str> {
    // values = 1, indices = 2
    each_field(tensor, &mut |number, field| match (number, field) {
        (1 | 2, Field::Bytes(tensor)) => external_in_tensor(tensor, found),
        _ => Ok(()),
    })
}

fn external_in_tensor(tensor: &[u8], found: &mut Option<String>) -> Result<(), &'static str> {
    const TENSOR_NAME: u64 = 8;
    const TENSOR_EXTERNAL_DATA: u64 = 13;
    const TENSOR_DATA_LOCATION: u64 = 14;
    let mut name = "";
    let mut external = false;
    each_field(tensor, &mut |number, field| {
        match (number, field) {
            (TENSOR_NAME, Field::Bytes(bytes)) => name = std::str::from_utf8(bytes).unwrap_or("?"),
            (TENSOR_EXTERNAL_DATA, _) => external = true,
            (TENSOR_DATA_LOCATION, Field::Number(location)) => external |= location != 0,
            _ => {}
        }
        Ok(())
    })?;
    if external && found.is_none() {
        *found = Some(name.to_owned());
    }
    Ok(())
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn each_field<'a>(
    mut bytes: &'a [u8],
    visit: &mut dyn FnMut(u64, Field<'a>) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    const CUT: &str = "a field is cut short";
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)?),
            1 => Field::Bytes(bytes.split_off(..8).ok_or(CUT)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).map_err(|_| CUT)?;
                Field::Bytes(bytes.split_off(..length).ok_or(CUT)?)
            }
            5 => Field::Bytes(bytes.split_off(..4).ok_or(CUT)?),
            _ => return Err("a field has a type that the format does not know"),
        };
        visit(key >> 3, field)?;
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Result<u64, &'static str> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first().ok_or("a number is cut short")?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number is too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u64, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![(number << 3 | 2) as u8, content.len() as u8];
        bytes.extend(content);
        bytes
    }

    #[test]
    fn a_model_with_its_weights_inside_has_no_external_tensor() {
        let tensor = field(8, b"w");
        assert_eq!(external_tensor(&field(7, &field(5, &tensor))), Ok(None));
    }

    #[test]
    fn an_external_initializer_is_named() {
        let mut tensor = field(8, b"w");
        tensor.extend([14 << 3, 1]);
        assert_eq!(external_tensor(&field(7, &field(5, &tensor))), Ok(Some("w".into())));
    }

    #[test]
    fn an_external_constant_within_a_node_is_named() {
        let mut tensor = field(8, b"c");
        tensor.extend(field(13, b"x"));
        let node = field(5, &field(5, &tensor));
        assert_eq!(external_tensor(&field(7, &field(1, &node))), Ok(Some("c".into())));
    }

    #[test]
    fn an_external_constant_within_a_function_or_a_sparse_tensor_is_named() {
        let mut tensor = field(8, b"c");
        tensor.extend([14 << 3, 1]);
        let mut model = field(7, b"");
        // A field number above 15 takes two bytes.
        let function = field(7, &field(5, &field(5, &tensor)));
        model.extend([0xca, 0x01, function.len() as u8]);
        model.extend(&function);
        assert_eq!(external_tensor(&model), Ok(Some("c".into())));
        assert_eq!(external_tensor(&field(7, &field(15, &field(1, &tensor)))), Ok(Some("c".into())));
    }

    #[test]
    fn bytes_that_are_no_model_are_refused() {
        assert!(external_tensor(b"").is_err());
        assert!(external_tensor(b"\x3a\xff").is_err());
        assert!(external_tensor(b"<html>not a model</html>").is_err());
    }
}
