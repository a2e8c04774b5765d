// Signing out is one click at the application; this page only carries it over. Without script its button does.
document.querySelector('form button')?.click()
