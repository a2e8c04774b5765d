// The YAML blocks as the two seed documents print them, for tests that paste them unchanged; only a test's addresses are added.

/** BFF routes.yaml. */
export const seedRoutes = `# Already correct
services:
  analytics_service:
    base_url: "http://analytics:8100"
routes:
  - id: "api-analytics"
    path: "/api/v1/analytics/*"
    target_service: "analytics_service"
    upstream_path: "/api/v1/analytics/{path}"
    auth: "session"
`

/** IdP settings.yaml. */
export const seedIdpSettings = `token:
  audience_mappings:
    scope_mappings:
      - scope: application.all
        audiences:
          - https://idp.ocg.labs.empowernow.ai/api/admin
          - https://idp.ocg.labs.empowernow.ai/api/v1
          - https://crud.ocg.labs.empowernow.ai
          - empowernow
          - https://analytics.ocg.labs.empowernow.ai   # added
`

/** IdP clients.yaml. */
export const seedIdpClients = `bff-server:
  # ...
  scopes: [openid, profile, email, offline_access, admin.api, application.all]
  allowed_audiences:
    - empowernow
    - https://analytics.ocg.labs.empowernow.ai        # added
`

/** BFF settings: the audience and scope maps. */
export const seedMaps = `service_audiences:
  crud_service:       https://crud.ocg.labs.empowernow.ai
  pdp_service:        https://authz.ocg.labs.empowernow.ai/api/v1
  idp_service:        https://idp.ocg.labs.empowernow.ai/api/v1
  analytics_service:  https://analytics.ocg.labs.empowernow.ai    # add this
service_scopes:
  analytics_service:  application.all    # or api.read if you enforce finer scope
`

/** BFF settings: login scopes. */
export const seedAuth = `auth:
  oauth_scopes: "openid profile email application.all offline_access"
`
