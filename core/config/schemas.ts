// The config files as core reads them.
export { type CoreSettings, coreSettings, defaultUrl, reviewServer } from './core-settings.ts'
export { profileSchema, type StageRef } from './profile-schema.ts'
export { type RouteSettings, routeReader } from './read-route.ts'
export { coreRouteKeys, servicesSchema } from './route-schema.ts'
