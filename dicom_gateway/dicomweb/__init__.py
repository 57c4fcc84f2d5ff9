"""DICOMweb: films by STOW-RS, the worklist by QIDO-RS, reports and films by WADO-RS (PS3.18).

- `dicomweb_settings`: settings of the port.
- `http_port`: the HTTP server, in a thread of its own.
- `http_connection`: a connection: its limits, and the names in its certificate.
- `application`: which path is answered by which endpoint.
- `request_gate`: limits, senders and threads of all requests.
- `http_senders`: from a token or a certificate to the sender of a request.
- `store_endpoint`: answers a Store request; reads its body block by block.
- `multipart_body`: cuts a body into its parts while it arrives.
- `part10_intake`: writes one part to its file, as C-STORE would.
- `store_transaction`: receives the instances of one request.
- `store_answer`: the status and the dataset that answer a request.
- `search_endpoint`: answers a Search request.
- `search_parameters`: the parameters of a search, as the query that answers C-FIND, too.
- `retrieve_endpoint`: answers a Retrieve request.
- `held_objects`: the instances that can be retrieved.
- `film_frames`: the frames of a film as they lie in its file.
- `accept_header`: media types and transfer syntaxes that a request accepts.
- `multipart_answer`: an answer whose parts are read while they are sent.
- `retrieve_url`: the address of a study, series or instance, here or at the PACS.
"""
